#include "clients/cli/dry_run.h"

#include <jansson.h>
#include <stdlib.h>

#include "worker/sandbox/sandbox.h"

static int no_memory(struct error *e)
{
        return error_set(e, ERROR_MEMORY, "out of memory");
}

static int append_findings(struct bytes *text, const struct preparation *p)
{
        if (bytes_append_format(text, "\n# Findings: %zu\n", p->finding_count) < 0)
                return -1;
        for (size_t i = 0; i < p->finding_count; i++) {
                const struct finding *f = &p->findings[i];
                if (bytes_append_format(text, "%s%s%u:%u: %s: %s%s: %s\n", f->path, *f->path ? ":" : "", f->line, f->column, f->category,
                                        f->rule, f->raise ? " (raises the level)" : "", f->excerpt) < 0)
                        return -1;
        }
        return 0;
}

static int append_level(struct bytes *text, const struct preparation *p)
{
        return bytes_append_format(text, "\n# Risk level in force: %s (asked for: %s%s%s)\n", risk_name(p->risk), risk_name(p->asked),
                                   p->job.has_risk ? "" : ", the configuration's default",
                                   p->risk == p->asked ? "" : "; raised by findings");
}

static int append_limits(struct bytes *text, const struct config *config, const struct preparation *p)
{
        struct limits in_force = sandbox_limits(config, &p->job, p->risk);
        if (bytes_append_string(text, "\n# Limits in force\n") < 0)
                return -1;
        for (size_t i = 0; i < LIMIT_COUNT; i++) {
                const struct limit_key *key = &limit_keys[i];
                double value = (double)limits_get(&in_force, key) / (key->thousandths ? 1000.0 : 1.0);
                const char *origin = p->job.limits_named & key->bit ? "named by the job" : "profile, above";
                if (bytes_append_format(text, "%s = %.15g    (%s)\n", key->name, value, origin) < 0)
                        return -1;
        }
        return 0;
}

static int append_container_take(struct bytes *text, const char *title, json_t *specification, struct error *e)
{
        if (!specification)
                return -1;
        char *pretty = json_dumps(specification, JSON_INDENT(2));
        json_decref(specification);
        int failed = !pretty || bytes_append_format(text, "\n# %s\n%s\n", title, pretty) < 0 ? no_memory(e) : 0;
        free(pretty);
        return failed;
}

static int append_containers(struct bytes *text, const struct config *config, const struct preparation *p, struct error *e)
{
        const struct language *language = config_language(config, p->job.language);
        if (language->compile[0] &&
            append_container_take(text, "Compiler's container", sandbox_describe_compiler(config, language, p->risk, e), e) < 0)
                return -1;
        return append_container_take(text, "Container", sandbox_describe(config, &p->job, p->risk, e), e);
}

int dry_run_describe(const struct config *config, const struct preparation *p, struct bytes *ret_text, struct error *e)
{
        if (bytes_append_string(ret_text, "# Configuration\n") < 0 || config_print(config, ret_text) < 0)
                return no_memory(e);
        if (append_findings(ret_text, p) < 0 || append_level(ret_text, p) < 0 || append_limits(ret_text, config, p) < 0)
                return no_memory(e);
        return append_containers(ret_text, config, p, e);
}
