#include "clients/cli/session.h"

#include <unistd.h>

#include "clients/cli/complaint.h"

bool session_open(struct session *session, const char *config_file, int *ret_status)
{
        struct error e = {0};
        if (config_load(&session->config, config_file, environ, &e) < 0) {
                *ret_status = complain_error("configuration", &e, NULL);
                return false;
        }
        if (cluster_open(&session->cluster, &session->config, &e) < 0) {
                *ret_status = complain_error("the queue", &e, NULL);
                config_deinit(&session->config);
                return false;
        }
        return true;
}

void session_close(struct session *session)
{
        config_deinit(&session->config);
}
