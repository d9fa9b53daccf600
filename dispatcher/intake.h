/* Intake: a record of brig.jobs becomes a job, or a refusal that says why. Pure. */
#ifndef BRIG_DISPATCHER_INTAKE_H
#define BRIG_DISPATCHER_INTAKE_H

#include "common/config.h"
#include "common/transport/kafka_record.h"

enum intake_verdict {
        INTAKE_JOB,     /* `job` is there */
        INTAKE_REFUSED, /* `rejection` is there, and whose it is: the job gets a rejected result */
        INTAKE_NOBODYS, /* `rejection` is there, but no result can be addressed: the dead-letter topic alone */
        INTAKE_AGAIN,   /* no memory, which is no fault of the record: to be opened again later */
};

struct intake {
        struct job job; /* empty when the bytes are at fault */
        struct rejection rejection;
        char job_id[UUID_TEXT_SIZE];
        char agent_id[4 * JOB_AGENT_ID_MAX + 1];
        bool dead_letter; /* the bytes are at fault, so they go to the dead-letter topic too */
};

/* Reads the record and checks what the configuration says of it: known language, image allowed, an end of its wait within
 * the time that results are remembered for. */
enum intake_verdict intake_open(struct intake *ret_intake, const struct config *config, const struct kafka_record *record);
void intake_close(struct intake *intake);

#endif
