#include "tests/support/worker_world.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/json.h"
#include "tests/support/gate_config.h"
#include "tests/support/waiting_sandbox.h"

/* ---- a log in memory for Kafka ---- */

static struct world_send *send_free(struct worker_world *world)
{
        for (size_t i = 0; i < WORLD_SENDS_MAX; i++)
                if (!world->sends[i].send)
                        return &world->sends[i];
        fail_msg("more than %d records under way", WORLD_SENDS_MAX);
        return NULL;
}

static const char held_topic[] = "held";

static void send_append(struct worker_world *world, struct world_send *slot)
{
        struct kafka_record held = fake_log_read(&world->kafka, held_topic, 0, slot->held);
        slot->appended = true;
        slot->acknowledged_ms = world->clock.virtual_ms + world->ack_delay_ms;
        slot->offset = fake_log_append(&world->kafka, slot->send->topic, slot->send->partition, held.key, held.value, held.headers,
                                       held.header_count, (int64_t)world->clock.virtual_ms, &slot->partition);
}

static bool sink_ready(void *data)
{
        return !((struct worker_world *)data)->sink_down;
}

static int sink_send(void *data, struct kafka_send *send, struct error *e)
{
        struct worker_world *world = data;
        struct world_send *slot = send_free(world);
        (void)e;
        *slot = (struct world_send){.send = send};
        slot->held = fake_log_append(&world->kafka, held_topic, 0, send->key, send->value, send->headers, send->header_count, 0, NULL);
        if (!world->sink_down)
                send_append(world, slot);
        return 0;
}

static void send_look(struct worker_world *world, struct world_send *slot)
{
        if (!slot->appended && !world->sink_down)
                send_append(world, slot);
        if (!slot->appended || world->clock.virtual_ms < slot->acknowledged_ms)
                return;
        struct kafka_send *send = slot->send;
        slot->send = NULL;
        send->done(send, slot->partition, slot->offset, NULL);
}

static void fetch_start(void *data, struct fetch *fetch)
{
        struct worker_world *world = data;
        list_append(&world->fetches, &fetch->link);
}

static void fetch_answer(struct worker_world *world, struct fetch *fetch)
{
        struct error e;
        error_set(&e, ERROR_NOT_FOUND, "no such record");
        if (fetch->offset >= fake_log_end(&world->kafka, "brig.jobs", fetch->partition)) {
                fetch->done(fetch, (struct span){0}, &e);
                return;
        }
        struct kafka_record record = fake_log_read(&world->kafka, "brig.jobs", fetch->partition, fetch->offset);
        fetch->done(fetch, record.value, NULL);
}

/* ---- time ---- */

static void reaped(struct gate_reap *op, const struct error *e)
{
        struct worker_world *world = op->base.data;
        world->dead = e ? world->dead : (unsigned)op->dead_count;
        free(op);
}

static void reap(struct worker_world *world)
{
        struct gate_reap *op = calloc(1, sizeof *op);
        struct error e;
        *op = (struct gate_reap){.base.data = world, .done = reaped, .limit = 100};
        world->reaped_ms = world->clock.virtual_ms;
        if (gate_reap_start(&world->gate, op, &e) < 0)
                free(op);
}

static void worker_step(struct world_worker *w)
{
        if (!w->paused)
                alarms_ring(&w->alarms, w->world->clock.virtual_ms);
        waiting_sandbox_step(w);
}

void worker_world_pass(struct worker_world *world, uint64_t ms)
{
        for (uint64_t end_ms = world->clock.virtual_ms + ms; world->clock.virtual_ms < end_ms;) {
                world->clock.virtual_ms += WORLD_STEP_MS;
                if (world->clock.virtual_ms >= world->reaped_ms + 1000)
                        reap(world);
                for (size_t i = 0; i < world->worker_count; i++)
                        worker_step(&world->workers[i]);
                for (size_t i = 0; i < WORLD_SENDS_MAX; i++)
                        if (world->sends[i].send)
                                send_look(world, &world->sends[i]);
                for (struct list *link = list_pop(&world->fetches); link; link = list_pop(&world->fetches))
                        fetch_answer(world, list_entry(link, struct fetch, link));
                fake_redis_pump_all(world->redis);
        }
}

/* ---- the dispatcher's part ---- */

/* An answer that got lost is asked for again: every function bears it. */
enum { TRIES = 10 };

static void locked(struct gate_lock *op, const struct error *e)
{
        *(bool *)op->base.data = !e && op->ready;
}

static void made_ready(struct gate_ready *op, const struct error *e)
{
        *(bool *)op->base.data = !e;
}

void worker_world_restore(struct worker_world *world)
{
        bool done = false;
        struct gate_lock lock = {.base.data = &done, .done = locked, .owner = "test"};
        struct gate_ready ready = {.base.data = &done, .done = made_ready, .owner = "test"};
        struct error e;
        for (int i = 0; i < TRIES && !done; i++) {
                assert_int_equal(gate_lock_start(&world->gate, &lock, &e), 0);
                fake_redis_pump_all(world->redis);
                assert_int_equal(done ? 0 : gate_ready_start(&world->gate, &ready, &e), 0);
                fake_redis_pump_all(world->redis);
        }
        assert_true(done);
        worker_world_pass(world, world->config.lease_ms + 1000);
}

static void append_job(struct bytes *record, const char *agent_id, const char *job_id, const char *code, size_t padding)
{
        bytes_append_format(record, "{\"job_id\":\"%s\",\"agent_id\":\"%s\",\"language\":\"python\",\"code\":\"%s", job_id, agent_id, code);
        for (size_t i = 0; i < padding; i++)
                bytes_append_string(record, " ");
        bytes_append_string(record, "\"}");
}

static void admitted(struct gate_admit *op, const struct error *e)
{
        *(bool *)op->base.data = !e;
        if (!e)
                assert_true(op->verdict == GATE_QUEUED || op->verdict == GATE_KNOWN || op->verdict == GATE_DONE);
}

static void admit(struct worker_world *world, const char *agent_id, const char *job_id, int64_t offset, struct span record)
{
        struct error e;
        bool done = false;
        struct gate_admit op = {.base.data = &done,
                                .done = admitted,
                                .key = {agent_id, job_id},
                                .partition = 0,
                                .offset = offset,
                                .record = record,
                                .risk = RISK_MEDIUM,
                                .pool = "python",
                                .cpu_reserve_ms = {1000, 1000, 1000},
                                .expires_at_ms = world->clock.virtual_ms + 3600000};
        for (int i = 0; i < TRIES && !done; i++) {
                assert_int_equal(gate_admit_start(&world->gate, &op, &e), 0);
                fake_redis_pump_all(world->redis);
        }
        assert_true(done);
}

const char *worker_world_submit(struct worker_world *world, const char *agent_id, const char *code, size_t padding)
{
        static char job_id[UUID_TEXT_SIZE];
        struct bytes record = {0};
        snprintf(job_id, sizeof job_id, "00000000-0000-4000-8000-%012" PRId64, fake_log_end(&world->kafka, "brig.jobs", 0));
        append_job(&record, agent_id, job_id, code, padding);
        int64_t offset = fake_log_append(&world->kafka, "brig.jobs", 0, span_of(agent_id), bytes_span(&record), NULL, 0, 0, NULL);
        admit(world, agent_id, job_id, offset, bytes_span(&record));
        bytes_deinit(&record);
        return job_id;
}

static void cancelled(struct gate_cancel *op, const struct error *e)
{
        (void)op;
        assert_null(e);
}

void worker_world_cancel(struct worker_world *world, const char *agent_id, const char *job_id)
{
        struct error e;
        struct gate_cancel op = {.done = cancelled, .key = {agent_id, job_id}};
        assert_int_equal(gate_cancel_start(&world->gate, &op, &e), 0);
        fake_redis_pump_all(world->redis);
}

/* ---- looking ---- */

size_t worker_world_results(struct worker_world *world)
{
        return (size_t)fake_log_end(&world->kafka, "brig.results", 0);
}

struct kafka_record worker_world_result_record(struct worker_world *world, int64_t offset)
{
        return fake_log_read(&world->kafka, "brig.results", 0, offset);
}

json_t *worker_world_result(struct worker_world *world, const char *job_id)
{
        struct error e;
        for (int64_t offset = 0; offset < fake_log_end(&world->kafka, "brig.results", 0); offset++) {
                json_t *record = json_document_parse(worker_world_result_record(world, offset).value, &e);
                assert_non_null(record);
                if (strcmp(json_string_value(json_object_get(record, "job_id")), job_id) == 0)
                        return record;
                json_decref(record);
        }
        return NULL;
}

static bool executes(const struct worker_world *world, const struct world_run *slot, const char *job_id)
{
        return slot->run && slot->started && !slot->killed && world->clock.virtual_ms < slot->ends_ms &&
               strcmp(slot->run->job->job_id, job_id) == 0;
}

size_t worker_world_executing(const struct worker_world *world, const char *job_id)
{
        size_t count = 0;
        for (size_t i = 0; i < world->worker_count; i++)
                for (size_t k = 0; k < WORLD_RUNS_MAX; k++)
                        count += executes(world, &world->workers[i].runs[k], job_id);
        return count;
}

bool worker_world_idle(struct worker_world *world)
{
        for (size_t i = 0; i < world->worker_count; i++)
                if (world->workers[i].worker.count > 0)
                        return false;
        return strcmp(fake_redis_ask(world->redis, "ZCARD", "{brig}:leases"), "0") == 0 &&
               strcmp(fake_redis_ask(world->redis, "SCARD", "{brig}:rings"), "0") == 0;
}

/* ---- beginning and end ---- */

static struct config world_config(void)
{
        static char worker_risks[] = "low medium high", language[] = "python", image[] = "brig/python", file[] = "main.py";
        struct config config = gate_config();
        config.worker_slots = 4;
        config.worker_risks = worker_risks;
        config.maximum = (struct limits){300000, 0, 512 << 20, 1000, 50, 1 << 20};
        config.languages[0] = (struct language){.name = language, .image = image, .file = file};
        config.language_names[0] = language;
        config.language_count = 1;
        return config;
}

static void hint(void *data, struct span channel, struct span message)
{
        struct worker_world *world = data;
        for (size_t i = 0; i < world->worker_count; i++) {
                struct world_worker *w = &world->workers[i];
                if (w->paused)
                        continue;
                if (memmem(channel.data, channel.size, "cancel", 6))
                        worker_hint_cancelled(&w->worker, message);
                else
                        worker_wake(&w->worker);
        }
}

static void add_worker(struct worker_world *world, struct world_worker *w, size_t index)
{
        struct error e;
        *w = (struct world_worker){.world = world, .config = world->config, .port = fake_redis_port_new(world->redis)};
        snprintf(w->name, sizeof w->name, "w%zu", index);
        w->config.worker_name = w->name;
        alarms_init(&w->alarms);
        assert_int_equal(gate_init(&w->gate, w->port, &w->config, &e), 0);
        struct ports ports = {.config = &w->config,
                              .clock = &world->clock,
                              .log = &world->log,
                              .alarms = &w->alarms,
                              .gate = &w->gate,
                              .topics = kafka_topics_named("brig"),
                              .sandbox = waiting_sandbox_port(w),
                              .sink = {sink_ready, sink_send, world},
                              .fetch = {fetch_start, world},
                              .output_bytes_max = 1 << 20};
        worker_init(&w->worker, &ports);
}

void worker_world_init(struct worker_world *world, size_t workers)
{
        struct error e;
        *world = (struct worker_world){.clock = clock_virtual(1700000000000), .config = world_config()};
        world->log = (struct log){"test", LOG_DEBUG, &world->clock, getenv("BRIG_TEST_VERBOSE") ? 2 : -1};
        world->redis = fake_redis_new(&world->clock);
        fake_log_init(&world->kafka, 1);
        list_init(&world->fetches);
        assert_int_equal(gate_init(&world->gate, fake_redis_port(world->redis), &world->config, &e), 0);
        fake_redis_on_message(world->redis, hint, world);
        worker_world_restore(world);
        for (size_t i = 0; i < workers; i++)
                add_worker(world, &world->workers[i], i);
        world->worker_count = workers;
        for (size_t i = 0; i < workers; i++)
                worker_wake(&world->workers[i].worker);
}

void worker_world_deinit(struct worker_world *world)
{
        for (size_t i = 0; i < world->worker_count; i++) {
                worker_deinit(&world->workers[i].worker);
                gate_deinit(&world->workers[i].gate);
        }
        gate_deinit(&world->gate);
        fake_redis_free(world->redis);
        fake_log_deinit(&world->kafka);
}
