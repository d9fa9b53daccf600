/* brig-devbroker: librdkafka's mock cluster as a process, the broker of the first five minutes and of fast tests. */
#include <errno.h>
#include <getopt.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/error.h"
#include "common/transport/kafka_topics.h"

static const char help[] = "Usage: brig-devbroker [--port-file FILE] [--partitions N] [--prefix NAME] [--ready-fd N]\n"
                           "\n"
                           "An embedded Kafka broker for trying brig out and for fast tests. It is never for production:\n"
                           "  - everything lies in memory and is gone when it ends;\n"
                           "  - a partition keeps 5 MiB or 100,000 batches, what is older is dropped silently;\n"
                           "  - no transactions, no authentication, no compaction, no retention by time, one broker;\n"
                           "  - a fetch that waits is not woken by a new record: set kafka.fetch.wait.max.ms to 5 for its clients.\n"
                           "\n"
                           "It listens on 127.0.0.1, on a port the system chooses, and prints one line when it is ready:\n"
                           "  {\"ready\":true,\"address\":\"127.0.0.1:PORT\"}\n"
                           "\n"
                           "  --port-file FILE  write the address to FILE, whole or not at all\n"
                           "  --partitions N    of each topic of brig (4)\n"
                           "  --prefix NAME     of brig's topics (brig); other topics are made on first use, with 4 partitions\n"
                           "  --ready-fd N      write the READY line there instead of standard output\n"
                           "\n"
                           "SIGTERM or SIGINT ends it.\n";

enum { PARTITIONS_MAX = 1024 };

struct options {
        const char *port_file, *prefix;
        int partitions, ready_fd;
};

static int parse_number(const char *name, const char *text, uint64_t minimum, uint64_t maximum, int *ret_number, struct error *e)
{
        uint64_t number;
        if (!span_to_u64(span_of(text), &number) || number < minimum || number > maximum)
                return error_set(e, ERROR_USAGE, "--%s: %s is not a number from %llu to %llu", name, text, (unsigned long long)minimum,
                                 (unsigned long long)maximum);
        *ret_number = (int)number;
        return 0;
}

static int parse_option(struct options *o, int option, struct error *e)
{
        switch (option) {
        case 'f':
                o->port_file = optarg;
                return 0;
        case 'x':
                o->prefix = optarg;
                return 0;
        case 'p':
                return parse_number("partitions", optarg, 1, PARTITIONS_MAX, &o->partitions, e);
        case 'r':
                return parse_number("ready-fd", optarg, 0, 1023, &o->ready_fd, e);
        case 'h':
                fputs(help, stdout);
                exit(0);
        default:
                return error_set(e, ERROR_USAGE, "see brig-devbroker --help");
        }
}

static int parse_options(struct options *o, int argc, char **argv, struct error *e)
{
        static const struct option known[] = {{"port-file", required_argument, NULL, 'f'},
                                              {"partitions", required_argument, NULL, 'p'},
                                              {"prefix", required_argument, NULL, 'x'},
                                              {"ready-fd", required_argument, NULL, 'r'},
                                              {"help", no_argument, NULL, 'h'},
                                              {0}};
        for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;)
                if (parse_option(o, option, e) < 0)
                        return -1;
        return optind == argc ? 0 : error_set(e, ERROR_USAGE, "%s: brig-devbroker takes only options", argv[optind]);
}

static int write_port_file(const char *path, const char *address, struct error *e)
{
        char partial[4096];
        if ((size_t)snprintf(partial, sizeof(partial), "%s.partial", path) >= sizeof(partial))
                return error_set(e, ERROR_USAGE, "--port-file: the path is too long");
        FILE *file = fopen(partial, "we");
        if (!file)
                return error_set_sys(e, ERROR_SYSTEM, errno, "%s", partial);
        fprintf(file, "%s\n", address);
        if (fclose(file) != 0 || rename(partial, path) != 0)
                return error_set_sys(e, ERROR_SYSTEM, errno, "%s", path);
        return 0;
}

static int make_topics(rd_kafka_mock_cluster_t *cluster, const struct options *o, struct error *e)
{
        const struct kafka_topics topics = kafka_topics_named(o->prefix);
        const char *const names[] = {topics.jobs, topics.results, topics.audit, topics.alerts, topics.dlq, topics.control, topics.agents};
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
                if (rd_kafka_mock_topic_create(cluster, names[i], o->partitions, 1) != RD_KAFKA_RESP_ERR_NO_ERROR)
                        return error_set(e, ERROR_KAFKA, "topic %s could not be made", names[i]);
        return 0;
}

static int serve(rd_kafka_mock_cluster_t *cluster, const struct options *o, const sigset_t *ends, struct error *e)
{
        const char *address = rd_kafka_mock_cluster_bootstraps(cluster);
        int signal_number;

        if (make_topics(cluster, o, e) < 0)
                return -1;
        if (o->port_file && write_port_file(o->port_file, address, e) < 0)
                return -1;
        dprintf(o->ready_fd, "{\"ready\":true,\"address\":\"%s\"}\n", address);
        sigwait(ends, &signal_number);
        if (o->port_file)
                unlink(o->port_file);
        return 0;
}

/* A handle that nobody uses, since the cluster needs one. */
static int run(const struct options *o, const sigset_t *ends, struct error *e)
{
        char reason[160];
        rd_kafka_conf_t *conf = rd_kafka_conf_new();
        rd_kafka_conf_set_log_cb(conf, NULL);
        rd_kafka_t *handle = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof(reason));
        if (!handle) {
                rd_kafka_conf_destroy(conf);
                return error_set(e, ERROR_KAFKA, "librdkafka: %s", reason);
        }
        rd_kafka_mock_cluster_t *cluster = rd_kafka_mock_cluster_new(handle, 1);
        int r = cluster ? serve(cluster, o, ends, e) : error_set(e, ERROR_KAFKA, "the embedded cluster could not be made");
        if (cluster)
                rd_kafka_mock_cluster_destroy(cluster);
        rd_kafka_destroy(handle);
        return r;
}

int main(int argc, char **argv)
{
        struct options o = {.prefix = "brig", .partitions = 4, .ready_fd = STDOUT_FILENO};
        struct error e;
        sigset_t ends;

        /* Blocked before any thread is made, so that sigwait alone sees them. */
        sigemptyset(&ends);
        sigaddset(&ends, SIGTERM);
        sigaddset(&ends, SIGINT);
        pthread_sigmask(SIG_BLOCK, &ends, NULL);
        if (parse_options(&o, argc, argv, &e) == 0 && run(&o, &ends, &e) == 0)
                return 0;
        fprintf(stderr, "brig-devbroker: %s\n", e.text);
        return e.code == ERROR_USAGE ? 2 : 1;
}
