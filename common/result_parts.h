/* The parts of a result's record that are objects and lists of their own: each a pair for a field of record.h. */
#ifndef BRIG_COMMON_RESULT_PARTS_H
#define BRIG_COMMON_RESULT_PARTS_H

#include "common/result.h"

extern const char *const result_status_names[]; /* NULL-ended, by enum status */
extern const char *const result_cause_names[];  /* by enum cause; "" for none */

int result_write_termination(json_t *object, const char *key, const void *result);
int result_read_termination(const json_t *value, void *result);
int result_write_rejection(json_t *object, const char *key, const void *result);
int result_read_rejection(const json_t *value, void *result);
int result_write_risk(json_t *object, const char *key, const void *result);
int result_read_risk(const json_t *value, void *result);
int result_write_limits(json_t *object, const char *key, const void *result);
int result_read_limits(const json_t *value, void *result);
int result_write_findings(json_t *object, const char *key, const void *result);
int result_read_findings(const json_t *value, void *result);
int result_write_violations(json_t *object, const char *key, const void *result);
int result_read_violations(const json_t *value, void *result);
int result_write_limits_hit(json_t *object, const char *key, const void *result);
int result_read_limits_hit(const json_t *value, void *result);
int result_write_artifacts(json_t *object, const char *key, const void *result);
int result_read_artifacts(const json_t *value, void *result);
int result_write_omitted(json_t *object, const char *key, const void *result);
int result_read_omitted(const json_t *value, void *result);

#endif
