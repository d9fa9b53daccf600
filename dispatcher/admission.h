/* Admission: one record of brig.jobs through intake, analysis and the gate, and what follows from the answer. */
#ifndef BRIG_DISPATCHER_ADMISSION_H
#define BRIG_DISPATCHER_ADMISSION_H

#include "common/transport/kafka_record.h"

struct partition;

/* The record's entry is in the ledger already. It leaves this function refused, or with its admission under way, or due to be asked for
 * again. */
void admission_start(struct partition *p, const struct kafka_record *record);

#endif
