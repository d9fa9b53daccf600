#include "clients/cli/health.h"

#include <inttypes.h>
#include <string.h>
#include <uv.h>

#include "common/clock.h"
#include "worker/sandbox/docker/call.h"
#include "worker/sandbox/docker/engine.h"

enum { IMAGE_AGE_DAYS_MAX = 30, DAY_MS = 86400000 };

struct patient {
        struct health *health;
        uv_loop_t loop;
        struct engine engine;
};

struct question {
        struct docker_call call;
        json_t *answer; /* NULL: none */
        struct error error;
};

static void on_answer(struct docker_call *call, const struct error *e)
{
        struct question *question = call->data;
        if (e)
                question->error = *e;
        else
                question->answer = json_incref(call->answer);
}

/* Asks and waits. A new reference, or NULL and the error. */
static json_t *ask(struct patient *patient, const char *what, const char *path, struct error *ret_error)
{
        struct question question = {.call = {.done = on_answer, .data = &question}};
        if (docker_call_start(&question.call, &patient->engine, what, "GET", path, NULL, &question.error) == 0)
                uv_run(&patient->loop, UV_RUN_DEFAULT);
        *ret_error = question.error;
        return question.answer;
}

static void on_probed(struct engine_probe *probe, const struct error *e)
{
        struct error *outcome = probe->data;
        if (e)
                *outcome = *e;
}

static bool probe(struct patient *patient)
{
        struct error e = {0};
        struct engine_probe probe = {.done = on_probed, .data = &e};
        if (engine_probe_start(&probe, &patient->engine, &e) == 0)
                uv_run(&patient->loop, UV_RUN_DEFAULT);
        if (e.code)
                health_note(patient->health, "engine", HEALTH_BROKEN,
                            "start dockerd, join its group, or set docker.host (BRIG_DOCKER_HOST)", "%s", e.text);
        else
                health_note(patient->health, "engine", HEALTH_OK, NULL, "Docker %s at %s, API %s", patient->engine.version,
                            patient->engine.socket_path, patient->engine.api_prefix + 1);
        return !e.code;
}

static bool has_security(const json_t *info, const char *name)
{
        char wanted[32];
        size_t i;
        json_t *option;
        snprintf(wanted, sizeof wanted, "name=%s", name);
        json_array_foreach(json_object_get(info, "SecurityOptions"), i, option)
        {
                if (json_is_string(option) && strncmp(json_string_value(option), wanted, strlen(wanted)) == 0)
                        return true;
        }
        return false;
}

static void check_security(struct health *health, const json_t *info)
{
        if (has_security(info, "seccomp"))
                health_note(health, "seccomp", HEALTH_OK, NULL, "the engine filters system calls");
        else
                health_note(health, "seccomp", HEALTH_BROKEN, "use a kernel and engine with seccomp",
                            "the engine cannot filter system calls");
        if (has_security(info, "apparmor") || has_security(info, "selinux"))
                health_note(health, "AppArmor, SELinux", HEALTH_OK, NULL, "%s", has_security(info, "apparmor") ? "AppArmor" : "SELinux");
        else
                health_note(health, "AppArmor, SELinux", HEALTH_MISSING,
                            "enable one of them in the kernel: a further wall, not a needed one", "neither is on");
        if (has_security(info, "rootless") || has_security(info, "userns"))
                health_note(health, "user namespace", HEALTH_OK, NULL, "%s",
                            has_security(info, "rootless") ? "rootless engine" : "remapped ids");
        else
                health_note(health, "user namespace", HEALTH_MISSING,
                            "run Docker rootless, or with userns-remap: a further wall, not a needed one", "the engine runs in the host's");
}

static void check_limits(struct health *health, const json_t *info)
{
        static const char *const NEEDED[] = {"MemoryLimit", "PidsLimit", "CpuCfsQuota"};
        for (size_t i = 0; i < sizeof NEEDED / sizeof *NEEDED; i++)
                if (!json_is_true(json_object_get(info, NEEDED[i])))
                        health_note(health, "engine limits", HEALTH_BROKEN, "enable the control group controllers memory, pids and cpu",
                                    "no %s", NEEDED[i]);
        if (!json_is_true(json_object_get(info, "SwapLimit")))
                health_note(health, "swap limit", HEALTH_MISSING, "boot with swapaccount=1, or without swap",
                            "swap of a job is not limited");
}

static void check_runtimes(struct patient *patient)
{
        for (int risk = RISK_LOW; risk < RISK_COUNT; risk++) {
                const char *runtime = patient->health->config->profiles[risk].runtime;
                char subject[40];
                snprintf(subject, sizeof subject, "runtime, %s", risk_name((enum risk)risk));
                if (engine_has_runtime(&patient->engine, runtime))
                        health_note(patient->health, subject, HEALTH_OK, NULL, "%s", runtime);
                else
                        health_note(patient->health, subject, HEALTH_BROKEN,
                                    "add it to the engine's runtimes, or name another in the profile", "the engine has no runtime '%s'",
                                    runtime);
        }
}

/* Created: RFC 3339, with nanoseconds. */
static void check_age(struct health *health, const char *subject, const char *image, const json_t *answer)
{
        uint64_t created_ms, now_ms = clock_realtime_ms(&clock_system);
        const char *created = json_string_value(json_object_get(answer, "Created"));
        if (!created || clock_parse_rfc3339(created, &created_ms) < 0)
                created_ms = now_ms;
        uint64_t days = now_ms > created_ms ? (now_ms - created_ms) / DAY_MS : 0;
        if (days > IMAGE_AGE_DAYS_MAX)
                health_note(health, subject, HEALTH_NOTICE, "make or pull it anew, for its security updates", "%s is %" PRIu64 " days old",
                            image, days);
        else
                health_note(health, subject, HEALTH_OK, NULL, "%s, %" PRIu64 " days old", image, days);
}

static void check_image(struct patient *patient, const struct language *language)
{
        char subject[40], path[300];
        struct error e = {0};
        snprintf(subject, sizeof subject, "image, %.30s", language->name);
        snprintf(path, sizeof path, "/images/%.250s/json", language->image);
        json_t *answer = ask(patient, "inspect image", path, &e);
        if (answer)
                check_age(patient->health, subject, language->image, answer);
        else
                health_note(patient->health, subject, HEALTH_MISSING, "make it with deploy/images/make-image LANGUAGE, or pull it", "%s",
                            e.text);
        json_decref(answer);
}

static void check_answering(struct patient *patient)
{
        struct error e = {0};
        json_t *info = ask(patient, "ask the engine about its host", "/info", &e);
        if (!info) {
                health_note(patient->health, "engine", HEALTH_BROKEN, "see the engine's own log", "%s", e.text);
                return;
        }
        check_limits(patient->health, info);
        check_security(patient->health, info);
        check_runtimes(patient);
        for (size_t i = 0; i < patient->health->config->language_count; i++)
                check_image(patient, &patient->health->config->languages[i]);
        json_decref(info);
}

bool health_check_engine(struct health *health)
{
        bool answers = false;
        struct patient patient = {.health = health};
        struct error e = {0};
        uv_loop_init(&patient.loop);
        if (engine_init(&patient.engine, &patient.loop, health->config->docker_host, &e) < 0)
                health_note(health, "engine", HEALTH_BROKEN, "set docker.host (BRIG_DOCKER_HOST)", "%s", e.text);
        else if ((answers = probe(&patient)))
                check_answering(&patient);
        engine_deinit(&patient.engine);
        uv_loop_close(&patient.loop);
        return answers;
}
