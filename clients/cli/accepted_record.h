/* The accepted record of a job on the results topic: the first terminal one of its (agent, job). */
#ifndef BRIG_CLI_ACCEPTED_RECORD_H
#define BRIG_CLI_ACCEPTED_RECORD_H

#include "clients/cli/cluster.h"
#include "common/bytes.h"
#include "common/error.h"
#include "common/result.h"

struct accepted_record {      /* zero-initialised it is empty */
        struct bytes text;    /* as it lies in Kafka */
        struct result result; /* the same, read */
};

struct accepted_record_search {
        const char *job_id;
        const char *agent_id; /* NULL: whoever's */
        int64_t offset;       /* in the agent's partition, or TOPIC_BEGINNING */
        bool wait;            /* until it is there */
        uint64_t timeout_ms;  /* 0: the default bound of a scan */
};

/* 0; *ret_found says whether there is one. -1: no broker, or the record cannot be read. */
int accepted_record_find(const struct cluster *cluster, const struct accepted_record_search *search, struct accepted_record *ret_record,
                         bool *ret_found, struct error *e);
void accepted_record_deinit(struct accepted_record *record);

/* Prints it as JSON, or as output and summary, and explains what did not end by itself. Returns brig's exit status. */
int accepted_record_print(const struct accepted_record *record, const char *code_name, bool json);

#endif
