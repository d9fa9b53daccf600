/* Where a Redis server is and how to log in, read from a URL. */
#ifndef BRIG_TRANSPORT_REDIS_ADDRESS_H
#define BRIG_TRANSPORT_REDIS_ADDRESS_H

#include "common/error.h"

struct redis_address { /* texts are owned; NULL where the URL says nothing */
        char *host;
        int port;
        char *path; /* of a Unix socket; then there is no host */
        char *user, *password;
        char *database;
        char *name; /* for messages: the address without user and password */
};

/* redis://[[user]:password@]host[:port][/database] or unix:///path; %XX stands for a byte in user and password; a host that holds ':'
 * stands in []. 0, or -1 (ERROR_CONFIG). */
int redis_address_parse(struct redis_address *ret_address, const char *url, struct error *e);
void redis_address_deinit(struct redis_address *address);

#endif
