#include <unistd.h>

#include "clients/cli/command.h"
#include "clients/cli/complaint.h"
#include "clients/cli/health.h"
#include "clients/cli/options.h"

struct doctor_options {
        const char *config_file;
        bool local, json;
};

static const struct option_row ROWS[] = {
                {"local", OPTION_SWITCH, offsetof(struct doctor_options, local), NULL,
                 "leave out Kafka and Redis, which brig run does not need"},
                {"json", OPTION_SWITCH, offsetof(struct doctor_options, json), NULL, "one JSON object"},
                {"config", OPTION_TEXT, offsetof(struct doctor_options, config_file), "FILE", "configuration instead of the usual one"},
};

static const struct options OPTIONS = {
                .command = "doctor",
                .synopsis = "doctor [OPTIONS]",
                .about = "Says on one screen whether this host can run sandboxes, and what to do where it cannot. Changes nothing.\n\n"
                         "ok       as it should be\n"
                         "notice   there, and worth a look\n"
                         "missing  works without it, less well or less safely\n"
                         "broken   needed: exit status 1",
                .examples = "  brig doctor\n"
                            "  brig doctor --local\n"
                            "  brig doctor --json | jq '.checks[] | select(.state != \"ok\")'\n",
                .rows = ROWS,
                .row_count = sizeof ROWS / sizeof *ROWS,
};

static int examine(const struct config *config, const struct doctor_options *options)
{
        struct health health = {.config = config};
        health_check_host(&health);
        if (health_check_engine(&health))
                health_check_levels(&health);
        if (!options->local) {
                health_check_kafka(&health);
                health_check_redis(&health);
        }
        health_print(&health, options->json);
        return health_is_broken(&health) ? CLI_FAILED : CLI_OK;
}

int command_doctor(int argc, char **argv)
{
        struct doctor_options options = {0};
        struct operands operands;
        struct config config;
        struct error e = {0};
        int status;
        if (!options_begin(&OPTIONS, argc, argv, &options, &operands, &status))
                return status;
        if (operands.count > 0)
                return complain(CLI_USAGE, "doctor", "takes no operands", "see brig doctor --help");
        if (config_load(&config, options.config_file, environ, &e) < 0)
                return complain_error("configuration", &e, NULL);
        status = examine(&config, &options);
        config_deinit(&config);
        return status;
}
