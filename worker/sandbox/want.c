#include "worker/sandbox/want.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/sandbox/site.h"

struct limits sandbox_limits(const struct config *config, const struct job *job, enum risk risk)
{
        return limits_merge(&config->profiles[risk].limits, &job->limits, job->limits_named);
}

static const struct language *language_of_image(const struct config *config, const char *image)
{
        for (size_t i = 0; i < config->language_count; i++)
                if (strcmp(config->languages[i].image, image) == 0)
                        return &config->languages[i];
        return NULL;
}

int want_of_image(struct slot_want *ret_want, const struct config *config, const struct images *images, const char *image, enum risk risk,
                  struct error *e)
{
        const struct language *language = language_of_image(config, image);
        const char *id;
        if (images_find(images, image, &id, e) < 0)
                return -1;
        *ret_want = (struct slot_want){
                        .profile = config->profiles[risk],
                        .limits = config->profiles[risk].limits,
                        .runtime_processes = language ? language->runtime_processes : 0,
        };
        snprintf(ret_want->image_id, sizeof(ret_want->image_id), "%s", id);
        return 0;
}

uint64_t want_code_bytes(const struct job *job)
{
        uint64_t bytes = job->code.size;
        for (size_t i = 0; i < job->file_count; i++)
                bytes += job->files[i].content.size;
        return bytes;
}

static const struct language *find_language(const struct config *config, const struct job *job, struct error *e)
{
        const struct language *language = config_language(config, job->language);
        if (!language)
                error_set(e, ERROR_NOT_FOUND, "language '%s' is not configured", job->language);
        return language;
}

int want_of_job(struct slot_want *ret_want, const struct config *config, const struct images *images, const struct job *job, enum risk risk,
                struct error *e)
{
        const struct language *language = find_language(config, job, e);
        if (!language)
                return -1;
        if (want_code_bytes(job) > config->profiles[risk].code_bytes_max)
                return error_set(e, ERROR_INVALID, "the job's files are larger than /code at level %s", risk_name(risk));
        if (want_of_image(ret_want, config, images, job->image ? job->image : language->image, risk, e) < 0)
                return -1;
        ret_want->limits = sandbox_limits(config, job, risk);
        ret_want->runtime_processes = language->runtime_processes;
        return 0;
}

static struct profile compiler_profile(const struct config *config, const struct language *language, enum risk risk)
{
        struct profile profile = config->profiles[risk];
        profile.network = NETWORK_NONE;
        profile.limits = language->compile_limits;
        profile.work_bytes = language->compile_work_bytes;
        profile.tmp_bytes = language->compile_tmp_bytes;
        profile.shm_bytes = 0;
        return profile;
}

int want_of_compiler(struct slot_want *ret_want, const struct config *config, const struct images *images, const struct language *language,
                     enum risk risk, struct error *e)
{
        if (want_of_image(ret_want, config, images, language->image, risk, e) < 0)
                return -1;
        ret_want->profile = compiler_profile(config, language, risk);
        ret_want->limits = language->compile_limits;
        return 0;
}

/* The parts of a host that a specification shows; `host` borrows from the caller's. */
static int find_parts(struct slot_host *host, const struct config *config, enum risk risk, char ret_init[static PATH_MAX],
                      char ret_fence[static PATH_MAX], struct error *e)
{
        if (site_find_init(NULL, ret_init, e) < 0 || site_find_fence(config, ret_fence, e) < 0)
                return -1;
        host->init_path = ret_init;
        host->fence_path = ret_fence;
        host->seccomp[risk] = site_read_seccomp(config, config->profiles[risk].seccomp, e);
        return host->seccomp[risk] ? 0 : -1;
}

static json_t *describe(const struct config *config, const struct slot_want *want, struct error *e)
{
        struct instance instance = {.path = "FOLDER", .hosts_path = "FOLDER/hosts"};
        struct slot_host host = {.config = config, .instance = &instance, .worker = config->worker_name};
        char init_path[PATH_MAX];
        char fence_path[PATH_MAX];
        if (find_parts(&host, config, want->profile.risk, init_path, fence_path, e) < 0)
                return NULL;
        json_t *body = slot_host_describe(&host, want, "FOLDER/CODE", "/CGROUP", "0");
        free(host.seccomp[want->profile.risk]);
        return body;
}

json_t *sandbox_describe(const struct config *config, const struct job *job, enum risk risk, struct error *e)
{
        struct slot_want want = {.profile = config->profiles[risk], .limits = sandbox_limits(config, job, risk)};
        const struct language *language = find_language(config, job, e);
        if (!language)
                return NULL;
        want.runtime_processes = language->runtime_processes;
        snprintf(want.image_id, sizeof(want.image_id), "%s", job->image ? job->image : language->image);
        return describe(config, &want, e);
}

json_t *sandbox_describe_compiler(const struct config *config, const struct language *language, enum risk risk, struct error *e)
{
        struct slot_want want = {
                        .profile = compiler_profile(config, language, risk),
                        .limits = language->compile_limits,
                        .runtime_processes = language->runtime_processes,
        };
        snprintf(want.image_id, sizeof(want.image_id), "%s", language->image);
        return describe(config, &want, e);
}
