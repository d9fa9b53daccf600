/* The terminal record of a job that the gate gave up, or that was lost. */
#ifndef BRIG_DISPATCHER_BURIAL_H
#define BRIG_DISPATCHER_BURIAL_H

#include "common/transport/kafka_record.h"
#include "dispatcher/reread.h"

struct partition;

/* `record` are the job's bytes, or NULL when Kafka has them no more: then its metadata stays away. 0, or -1: no memory. */
int burial_of_casualty(struct partition *p, const struct casualty *casualty, const struct kafka_record *record);

/* A job admitted longer ago than any can live: error/infrastructure, reason "lost", and an alert. 0, or -1: no memory. */
int burial_of_lost(struct partition *p, const struct kafka_record *record);

#endif
