#include "tests/support/kafka_broker.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum { EXIT_SKIPPED = 77 };

/* Runs the helper beside this file; its line goes to the address. Returns its exit status. */
static int act(struct kafka_broker *broker, const char *action)
{
        char command[512];
        char line[256] = "";
        snprintf(command, sizeof(command), "BRIG_BIN_DIR='%s' python3 '%s/tests/support/%s.py' %s --dir '%s'", BRIG_BIN_DIR,
                 BRIG_SOURCE_DIR, broker->kind == KAFKA_BROKER_REAL ? "kafka_server" : "devbroker", action, broker->directory);
        /* NOLINTNEXTLINE(cert-env33-c): fixed words and a directory of its own */
        FILE *output = popen(command, "r");
        if (output && fgets(line, sizeof(line), output))
                line[strcspn(line, "\n")] = 0;
        int status = output ? pclose(output) : -1;
        if (WEXITSTATUS(status) == EXIT_SKIPPED)
                printf("%s\n", line);
        else if (line[0])
                snprintf(broker->address, sizeof(broker->address), "%.63s", line);
        return WEXITSTATUS(status);
}

static void need(struct kafka_broker *broker, const char *action)
{
        if (act(broker, action) == 0)
                return;
        fprintf(stderr, "the broker in %s did not %s\n", broker->directory, action);
        abort();
}

bool kafka_broker_start(struct kafka_broker *broker, enum kafka_broker_kind kind)
{
        *broker = (struct kafka_broker){.kind = kind, .directory = "/tmp/brig-kafka-XXXXXX"};
        if (!mkdtemp(broker->directory))
                abort();
        int status = act(broker, "start");
        if (status == 0)
                return true;
        if (status != EXIT_SKIPPED)
                abort();
        kafka_broker_stop(broker);
        return false;
}

/* By the pid the helper wrote: starting the helper would give the broker a tenth of a second more. */
static void kill_at_once(const struct kafka_broker *broker)
{
        char path[128];
        char text[16] = "";
        snprintf(path, sizeof(path), "%s/%s.pid", broker->directory, broker->kind == KAFKA_BROKER_REAL ? "kafka" : "devbroker");
        FILE *file = fopen(path, "re");
        if (!file || !fgets(text, sizeof(text), file))
                abort();
        fclose(file);
        long pid = strtol(text, NULL, 10);
        if (pid <= 1)
                abort();
        kill((pid_t)pid, SIGKILL);
}

void kafka_broker_kill(struct kafka_broker *broker)
{
        kill_at_once(broker);
        need(broker, "kill");
}

void kafka_broker_restart(struct kafka_broker *broker)
{
        need(broker, "start");
}

void kafka_broker_stop(struct kafka_broker *broker)
{
        char command[128];
        act(broker, "stop");
        snprintf(command, sizeof(command), "rm -rf '%s'", broker->directory);
        /* NOLINTNEXTLINE(cert-env33-c): as above */
        if (system(command) != 0)
                fprintf(stderr, "%s was not removed\n", broker->directory);
}
