#include "dispatcher/burial.h"

#include <stdio.h>
#include <string.h>

#include "dispatcher/dispatcher.h"
#include "dispatcher/ending.h"
#include "dispatcher/intake.h"

static int reject(struct dispatcher *d, const struct ending *ending, const struct casualty *casualty)
{
        struct rejection rejection = {0};
        if (casualty->reason == GATE_DEAD_QUARANTINED)
                rejection_set(&rejection, REJECTION_QUARANTINED, NULL, NULL, NULL, "the agent was quarantined while the job waited");
        else if (casualty->pool[0])
                rejection_set(&rejection, REJECTION_EXPIRED, "expires_at", NULL, NULL,
                              "the job expired before a worker took it; needed: %s", casualty->pool);
        else
                rejection_set(&rejection, REJECTION_EXPIRED, "expires_at", NULL, NULL, "the job expired before a worker took it");
        return ending_reject(d, ending, &rejection, NULL);
}

static int give_up(struct dispatcher *d, const struct ending *ending, const struct kafka_record *record)
{
        char reason[80];
        snprintf(reason, sizeof reason, "no worker could finish it in %u attempts", ending->attempt);
        struct letter *dead = record ? ending_dead_letter(d, record, "attempts") : NULL;
        if (record && !dead)
                return -1;
        return ending_end(d, ending, STATUS_ERROR, CAUSE_INFRASTRUCTURE, reason, dead);
}

static int end_casualty(struct partition *p, const struct casualty *casualty, const struct kafka_record *record, json_t *metadata)
{
        struct dispatcher *d = p->dispatcher;
        struct ending ending = {p->number, casualty->offset, casualty->agent_id, casualty->job_id, metadata, casualty->attempt};
        switch (casualty->reason) {
        case GATE_DEAD_ATTEMPTS:
                return give_up(d, &ending, record);
        case GATE_DEAD_CANCELLED:
                return ending_end(d, &ending, STATUS_CANCELLED, CAUSE_CANCELLED, NULL, NULL);
        case GATE_DEAD_EXPIRED:
        case GATE_DEAD_QUARANTINED:
                return reject(d, &ending, casualty);
        }
        return 0;
}

int burial_of_casualty(struct partition *p, const struct casualty *casualty, const struct kafka_record *record)
{
        struct intake intake = {0};
        if (record && intake_open(&intake, p->dispatcher->options.config, record) == INTAKE_AGAIN)
                return -1;
        bool same = strcmp(intake.job_id, casualty->job_id) == 0 && strcmp(intake.agent_id, casualty->agent_id) == 0;
        int outcome = end_casualty(p, casualty, same ? record : NULL, same ? intake.job.metadata : NULL);
        intake_close(&intake);
        return outcome;
}

int burial_of_lost(struct partition *p, const struct kafka_record *record)
{
        int outcome = -1;
        struct intake intake;
        struct dispatcher *d = p->dispatcher;
        intake_open(&intake, d->options.config, record);
        struct ending ending = {p->number, record->offset, intake.agent_id, intake.job_id, intake.job.metadata, 0};
        if (intake.job_id[0] && intake.agent_id[0])
                outcome = ending_end(d, &ending, STATUS_ERROR, CAUSE_INFRASTRUCTURE, "lost", NULL);
        if (outcome == 0) {
                d->counters.lost++;
                alert_raise(d, "job.lost", intake.agent_id, "job %s outlived every bound without a result", intake.job_id);
        }
        intake_close(&intake);
        return outcome;
}
