#include "dispatcher/intake.h"

#include <string.h>

void intake_close(struct intake *intake)
{
        job_deinit(&intake->job);
}

static enum intake_verdict refused(struct intake *intake)
{
        return intake->job_id[0] && intake->agent_id[0] ? INTAKE_REFUSED : INTAKE_NOBODYS;
}

static bool image_allowed(struct intake *intake, const struct config *config)
{
        const char *image = intake->job.image;
        if (!image || config_image_allowed(config, image))
                return true;
        rejection_set(&intake->rejection, REJECTION_DENIED, "image", NULL, image, "image %.100s is not among the operator's images.allow",
                      image);
        return false;
}

enum intake_verdict intake_open(struct intake *ret_intake, const struct config *config, const struct kafka_record *record)
{
        struct job_bounds bounds = config_job_bounds(config);
        memset(ret_intake, 0, sizeof *ret_intake);
        if (job_parse(record->value, &bounds, &ret_intake->job, &ret_intake->rejection, ret_intake->job_id, ret_intake->agent_id) == 0)
                return image_allowed(ret_intake, config) ? INTAKE_JOB : refused(ret_intake);
        if (ret_intake->rejection.reason == REJECTION_NONE)
                return INTAKE_AGAIN;
        ret_intake->dead_letter = true;
        return refused(ret_intake);
}
