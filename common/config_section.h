/* The whole configuration as sections: a table and its struct under each prefix, so that one dotted key names one value. */
#ifndef BRIG_COMMON_CONFIG_SECTION_H
#define BRIG_COMMON_CONFIG_SECTION_H

#include "common/config_table.h"

enum { CONFIG_SECTIONS_MAX = 1 + RISK_COUNT + CONFIG_LANGUAGES_MAX, CONFIG_VARIABLE_SIZE = DOCUMENT_KEY_SIZE + 8 };

struct config_section {
        char prefix[64]; /* "", "profiles.high.", "languages.python." */
        const struct config_table *table;
        void *base; /* inside the config */
};

/* Those of the config as it is now; how many there are. */
size_t config_sections(const struct config *config, struct config_section ret_sections[static CONFIG_SECTIONS_MAX]);

/* Sets one value by its whole key. `shown` bytes of the key's start are left out of messages, being the file's own name. Unknown keys
 * are refused with the nearest, but those of kafka that are not like ours pass through. 0, or -1: "WHERE: KEY: …". */
int config_set(struct config *config, const char *key, size_t hidden, char *const *texts, size_t count, const char *where, struct error *e);

/* Every entry of a file, each under `prefix`. */
int config_set_document(struct config *config, const char *prefix, const struct document *document, struct error *e);

/* BRIG_… variables. `environment` is NULL-ended. */
int config_set_environment(struct config *config, char *const *environment, struct error *e);

/* The variable of a whole key: "BRIG_WORKER_SLOTS". */
void config_variable(const char *prefix, const char *key, char ret_name[static CONFIG_VARIABLE_SIZE]);

const char *config_origin(const struct config *config, const char *key); /* "default" when nothing set it */

/* What the host decides where nothing was set: names and folders. */
int config_set_host_defaults(struct config *config, char *const *environment, struct error *e);
const char *config_environment_get(char *const *environment, const char *name); /* NULL: not there */

/* The file to read: `path`, $BRIG_CONFIG, or one near the program. The caller frees it; NULL: `e` says where was looked. */
char *config_find(const char *path, char *const *environment, struct error *e);

#endif
