/* Any bytes as a configuration file, and as a variable of the environment. */
#include <stdlib.h>
#include <string.h>

#include "common/config_section.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void set_document(struct config *config, struct span text)
{
        struct document document;
        struct error e;
        if (document_parse(&document, "fuzz.yaml", text, &e) < 0)
                return;
        if (config_set_document(config, "", &document, &e) < 0 && !*e.text)
                abort();
        document_close(&document);
}

static void set_variable(struct config *config, struct span text)
{
        char variable[512] = "BRIG_";
        struct error e;
        if (text.size > sizeof variable - 6)
                return;
        memcpy(variable + 5, text.data, text.size);
        char *const environment[] = {variable, NULL};
        config_set_environment(config, environment, &e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct config config = {0};
        struct bytes text = {0};
        struct error e;
        if (config_table_init(&config_main_table, &config, &e) < 0)
                abort();
        for (size_t i = 0; i < RISK_COUNT; i++)
                config.profiles[i].risk = (enum risk)i;
        set_document(&config, (struct span){data, size});
        set_variable(&config, (struct span){data, size});
        if (config_print(&config, &text) < 0)
                abort();
        bytes_deinit(&text);
        config_deinit(&config);
        return 0;
}
