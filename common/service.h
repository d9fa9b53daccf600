/* The program as a service: what it tells the service manager, and its standing when memory ends. */
#ifndef BRIG_COMMON_SERVICE_H
#define BRIG_COMMON_SERVICE_H

/* Sends `state` ("READY=1", "STOPPING=1", "STATUS=…") to the datagram socket that $NOTIFY_SOCKET names (sd_notify(3)); without one it does
 * nothing, and a manager that cannot be reached is no fault of the program. */
void service_notify(const char *state);

/* Takes an oom_score_adj of -900, so that jobs die before brig; 0, or -1 when it may not (CAP_SYS_RESOURCE). */
int service_protect_from_oom(void);

/* Freed memory goes back to the kernel soon, and librdkafka's threads share one heap. Call before the first thread. */
void service_keep_memory_small(void);

#endif
