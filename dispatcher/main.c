/* brig-dispatcher: wires the dispatcher's core to Kafka, Redis, time and signals. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/service.h"
#include "common/transport/redis_link.h"
#include "dispatcher/dispatcher.h"
#include "dispatcher/kafka_ports.h"

enum { CONNECT_TIMEOUT_MS = 4000, CONNECT_AGAIN_MS = 1000, LEAVE_TIMEOUT_MS = 5000 };

struct settings { /* what SIGHUP replaces */
        struct config config;
        struct analysis *analysis;
};

struct program {
        const char *config_path;
        struct settings first;    /* what the connections were made with; as long-lived as they */
        struct settings *current; /* &first, or on the heap */
        struct log log;
        uv_loop_t loop;
        uv_timer_t tick;
        uv_signal_t hangup, terminate, interrupt;
        struct redis_link *redis;
        struct gate gate;
        struct dispatcher dispatcher;
        struct kafka_ports kafka;
        uv_work_t connect; /* to Kafka, on another thread, since it blocks */
        struct kafka_topics topics;
        struct error connect_error;
        int32_t found;      /* partitions, written by the thread */
        int32_t partitions; /* of brig.jobs; 0: not known yet, and no dispatcher */
        uint64_t connect_at_ms;
        uint64_t leave_at_ms; /* 0: not asked to leave */
        bool connecting, told_trouble, told_ready, leaving;
};

static int settings_open(struct settings *s, const char *path, struct error *e)
{
        if (config_load(&s->config, path, environ, e) < 0)
                return -1;
        if (analysis_open(&s->analysis, s->config.directory, e) == 0)
                return 0;
        config_deinit(&s->config);
        return -1;
}

static void settings_close(struct settings *s)
{
        analysis_close(s->analysis);
        config_deinit(&s->config);
}

static void on_redis_up(void *data)
{
        struct program *program = data;
        log_event(&program->log, LOG_INFO, "Redis is connected");
        if (program->partitions)
                dispatcher_redis_up(&program->dispatcher);
}

static void on_redis_down(void *data, const struct error *e)
{
        struct program *program = data;
        if (!program->leaving)
                log_error(&program->log, LOG_ERROR, "Redis is away: nothing is admitted until it is back", e, NULL);
        if (program->partitions)
                dispatcher_redis_down(&program->dispatcher);
}

static bool redis_connected(struct program *program)
{
        struct redis_port *port = redis_link_port(program->redis);
        return port->run_id(port)[0];
}

static int open_redis(struct program *program, struct error *e)
{
        const struct config *config = &program->first.config;
        struct redis_link_options options = {.url = config->redis_url,
                                             .tag = config->redis_tag,
                                             .log = &program->log,
                                             .up = on_redis_up,
                                             .down = on_redis_down,
                                             .data = program};
        if (redis_link_open(&program->redis, &program->loop, &options, e) < 0)
                return -1;
        return gate_init(&program->gate, redis_link_port(program->redis), config, e);
}

static int open_dispatcher(struct program *program, struct error *e)
{
        struct dispatcher_options options = {.config = &program->current->config,
                                             .analysis = program->current->analysis,
                                             .gate = &program->gate,
                                             .ports = &program->kafka.ports,
                                             .clock = &clock_system,
                                             .log = &program->log,
                                             .partitions = program->partitions};
        kafka_ports_init(&program->kafka, &program->loop, &program->first.config, &program->log, &program->dispatcher);
        if (dispatcher_init(&program->dispatcher, &options, e) < 0)
                return -1;
        if (redis_connected(program))
                dispatcher_redis_up(&program->dispatcher);
        return kafka_ports_open(&program->kafka, e);
}

static void connect_work(uv_work_t *work)
{
        struct program *program = work->data;
        if (kafka_topics_ensure(&program->first.config, &program->topics, CONNECT_TIMEOUT_MS, &program->found, &program->connect_error) < 0)
                program->found = 0;
}

static void tell_trouble(struct program *program)
{
        if (program->told_trouble)
                return;
        program->told_trouble = true;
        log_error(&program->log, LOG_ERROR, "Kafka does not answer; trying again until it does", &program->connect_error,
                  (const struct log_field[]){LOG_TEXT("address", program->first.config.kafka_bootstrap_servers), {0}});
}

static void connect_done(uv_work_t *work, int status)
{
        struct error e;
        struct program *program = work->data;
        (void)status;
        program->connecting = false;
        program->connect_at_ms = uv_now(&program->loop) + CONNECT_AGAIN_MS;
        if (program->leaving)
                return;
        if (!program->found) {
                tell_trouble(program);
                return;
        }
        program->partitions = program->found;
        if (open_dispatcher(program, &e) < 0) {
                log_error(&program->log, LOG_ERROR, "the dispatcher cannot start", &e, NULL);
                exit(EXIT_FAILURE);
        }
}

static void start_connecting(struct program *program)
{
        program->connect.data = program;
        program->topics = kafka_topics_named(program->first.config.kafka_topic_prefix);
        program->connecting = uv_queue_work(&program->loop, &program->connect, connect_work, connect_done) == 0;
}

static void on_closed(void *data)
{
        (void)data;
}

static void close_handle(uv_handle_t *handle, void *data)
{
        (void)data;
        if (!uv_is_closing(handle) && (handle->type == UV_TIMER || handle->type == UV_SIGNAL) && handle->data == data)
                uv_close(handle, NULL);
}

/* What is committed is committed; the loop ends when all has closed. */
static void leave(struct program *program)
{
        program->leaving = true;
        if (program->partitions) {
                kafka_ports_close(&program->kafka, on_closed, program);
                dispatcher_cut(&program->dispatcher);
        }
        redis_link_close(program->redis, NULL, NULL);
        uv_walk(&program->loop, close_handle, program);
}

static void consider_leaving(struct program *program)
{
        uint64_t now_ms = uv_now(&program->loop);
        bool quiet = !program->partitions || dispatcher_quiet(&program->dispatcher);
        if (program->leave_at_ms && !program->leaving && (quiet || now_ms >= program->leave_at_ms))
                leave(program);
}

static void tell_ready(struct program *program)
{
        if (program->told_ready || !program->dispatcher.ready || !kafka_ports_ready(&program->kafka))
                return;
        program->told_ready = true;
        log_event(&program->log, LOG_INFO, "READY", LOG_NUMBER("partitions", program->partitions));
        service_notify("READY=1");
}

static void on_tick(uv_timer_t *timer)
{
        struct program *program = timer->data;
        if (program->partitions) {
                dispatcher_tick(&program->dispatcher);
                tell_ready(program);
        } else if (!program->connecting && uv_now(&program->loop) >= program->connect_at_ms) {
                start_connecting(program);
        }
        consider_leaving(program);
}

static void on_terminate(uv_signal_t *signal, int number)
{
        struct program *program = signal->data;
        log_event(&program->log, LOG_INFO, "leaving", LOG_NUMBER("signal", number));
        service_notify("STOPPING=1");
        if (!program->leave_at_ms)
                program->leave_at_ms = uv_now(&program->loop) + LEAVE_TIMEOUT_MS;
        if (program->partitions)
                dispatcher_stop(&program->dispatcher);
}

static int replace_settings(struct program *program, struct settings *settings, struct error *e)
{
        struct gate gate;
        if (gate_init(&gate, redis_link_port(program->redis), &settings->config, e) < 0)
                return -1;
        gate.epoch = program->gate.epoch;
        gate_deinit(&program->gate);
        program->gate = gate;
        if (program->partitions)
                dispatcher_configure(&program->dispatcher, &settings->config, settings->analysis);
        if (program->current != &program->first) {
                settings_close(program->current);
                free(program->current);
        }
        program->current = settings;
        return 0;
}

static void on_hangup(uv_signal_t *signal, int number)
{
        struct error e = {0};
        struct program *program = signal->data;
        struct settings *settings = calloc(1, sizeof *settings);
        (void)number;
        bool opened = settings && settings_open(settings, program->config_path, &e) == 0;
        if (opened && replace_settings(program, settings, &e) == 0) {
                program->log.level = log_level_of(settings->config.log_level);
                log_event(&program->log, LOG_INFO, "limits and profiles were read again; connections stay as they are");
                return;
        }
        log_error(&program->log, LOG_ERROR, "the configuration stays as it was", &e, NULL);
        if (opened)
                settings_close(settings);
        free(settings);
}

static void watch_signal(struct program *program, uv_signal_t *handle, uv_signal_cb callback, int number)
{
        uv_signal_init(&program->loop, handle);
        handle->data = program;
        uv_signal_start(handle, callback, number);
}

static int run(struct program *program)
{
        struct error e;
        uv_loop_init(&program->loop);
        if (open_redis(program, &e) < 0) {
                log_error(&program->log, LOG_ERROR, "the dispatcher cannot start", &e, NULL);
                return EXIT_FAILURE;
        }
        watch_signal(program, &program->hangup, on_hangup, SIGHUP);
        watch_signal(program, &program->terminate, on_terminate, SIGTERM);
        watch_signal(program, &program->interrupt, on_terminate, SIGINT);
        uv_timer_init(&program->loop, &program->tick);
        program->tick.data = program;
        uv_timer_start(&program->tick, on_tick, 0, DISPATCHER_TICK_MS);
        uv_run(&program->loop, UV_RUN_DEFAULT);
        if (program->partitions)
                dispatcher_deinit(&program->dispatcher);
        gate_deinit(&program->gate);
        uv_loop_close(&program->loop);
        log_event(&program->log, LOG_INFO, "left");
        return EXIT_SUCCESS;
}

static void print_help(void)
{
        puts("brig-dispatcher: admits execution jobs from Kafka, hands them to workers through Redis, settles their results\n"
             "\n"
             "  --config FILE  the configuration (default: $BRIG_CONFIG, else config/sandbox-config.yaml beside the program)\n"
             "  --check        read everything, start nothing\n"
             "  --help, --version\n"
             "\n"
             "SIGHUP reads limits and profiles again; SIGTERM commits and leaves. The log is JSON lines on standard error.");
}

static int read_options(struct program *program, int argc, char **argv, bool *ret_check)
{
        static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                                {"check", no_argument, NULL, 'k'},
                                                {"help", no_argument, NULL, 'h'},
                                                {"version", no_argument, NULL, 'v'},
                                                {0}};
        for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
                if (option == 'c')
                        program->config_path = optarg;
                else if (option == 'k')
                        *ret_check = true;
                else if (option == 'h')
                        print_help();
                else if (option == 'v')
                        puts("brig-dispatcher " BRIG_VERSION);
                if (option == 'h' || option == 'v')
                        exit(EXIT_SUCCESS);
                if (option == '?')
                        return -1;
        }
        return optind == argc ? 0 : -1;
}

int main(int argc, char **argv)
{
        static struct program program;
        struct error e;
        bool check = false;
        program.log = (struct log){"brig-dispatcher", LOG_INFO, &clock_system, STDERR_FILENO};
        program.current = &program.first;
        service_keep_memory_small();
        if (read_options(&program, argc, argv, &check) < 0) {
                fputs("Try: brig-dispatcher --help\n", stderr);
                return 2;
        }
        if (settings_open(&program.first, program.config_path, &e) < 0) {
                log_error(&program.log, LOG_ERROR, "the configuration is wrong", &e, NULL);
                return EXIT_FAILURE;
        }
        program.log.level = log_level_of(program.first.config.log_level);
        int status = EXIT_SUCCESS;
        if (check)
                puts("The configuration is good.");
        else
                status = run(&program);
        if (program.current != &program.first) {
                settings_close(program.current);
                free(program.current);
        }
        settings_close(&program.first);
        return status;
}
