/* Any bytes as a job: what is accepted must be written and read back; what is refused must say why. */
#include <stdlib.h>

#include "common/job.h"
#include "common/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const languages[] = {"python", "node", "bash"};
static const struct job_bounds bounds = {{300000, 0, 512 << 20, 1000, 50, 1 << 20}, languages, 3};

static int parse(struct span record, struct job *ret_job)
{
        char job_id[UUID_TEXT_SIZE], agent_id[4 * JOB_AGENT_ID_MAX + 1];
        struct rejection rejection;
        int status = job_parse(record, &bounds, ret_job, &rejection, job_id, agent_id);
        if (status < 0 && (rejection.reason != REJECTION_INVALID || !*rejection.message || ret_job->agent_id))
                abort();
        if (status < 0)
                json_decref(rejection_to_json(&rejection));
        return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct job job, again;
        struct bytes text = {0};
        if (parse((struct span){data, size}, &job) < 0)
                return 0;
        json_t *record = job_to_json(&job);
        if (!record || json_document_append(record, &text) < 0 || parse(bytes_span(&text), &again) < 0)
                abort();
        json_decref(record);
        bytes_deinit(&text);
        job_deinit(&job);
        job_deinit(&again);
        return 0;
}
