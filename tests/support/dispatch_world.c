#include "tests/support/dispatch_world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "tests/support/gate_config.h"

enum { REPLY_STEPS = 3 };

static const char *const pools[] = {"python"};

/* ---- chance ---- */

uint64_t world_random(struct world *w, uint64_t below)
{
        w->random ^= w->random << 13;
        w->random ^= w->random >> 7;
        w->random ^= w->random << 17;
        return below ? w->random % below : 0;
}

static bool chance(struct world *w, uint64_t one_in)
{
        return world_random(w, one_in) == 0;
}

/* ---- the ports of a node ---- */

static int port_send(void *data, struct kafka_send *send, struct error *e)
{
        struct world_node *node = data;
        if (chance(node->world, 50))
                return error_set(e, ERROR_KAFKA, "the queue is full");
        struct world_send *s = calloc(1, sizeof *s);
        s->send = send;
        list_append(&node->sends, &s->link);
        return 0;
}

static int port_commit(void *data, enum dispatch_stream stream, int32_t partition, int64_t offset, const char *metadata, struct error *e)
{
        struct world_node *node = data;
        struct world_commit *commit = calloc(1, sizeof *commit);
        (void)e;
        commit->stream = stream;
        commit->partition = partition;
        commit->offset = offset;
        snprintf(commit->metadata, sizeof commit->metadata, "%s", metadata);
        if (node->world->mutation == MUTATION_REPLAY_POSITION && stream == STREAM_JOBS)
                partition_metadata(node->dispatcher.partitions[partition].settlements.settled, commit->metadata);
        list_append(&node->commits, &commit->link);
        return 0;
}

static int apply_commit(struct world_node *node, int32_t partition, int64_t offset, const char *metadata, struct error *e)
{
        struct world *w = node->world;
        if (w->owners[partition] != node)
                return error_set(e, ERROR_KAFKA, "this member was fenced");
        w->committed[partition].offset = offset;
        snprintf(w->committed[partition].metadata, sizeof w->committed[partition].metadata, "%s", metadata);
        return 0;
}

static int port_commit_now(void *data, int32_t partition, int64_t offset, const char *metadata, struct error *e)
{
        return apply_commit(data, partition, offset, metadata, e);
}

static void port_seek(void *data, int32_t partition, int64_t offset)
{
        struct world_node *node = data;
        node->cursors[STREAM_JOBS][partition].offset = offset;
}

static const char *topic_of(enum dispatch_stream stream)
{
        static const char *const topics[] = {[STREAM_JOBS] = "brig.jobs",
                                             [STREAM_CONTROL] = "brig.control",
                                             [STREAM_RESULTS] = "brig.results",
                                             [STREAM_AGENTS] = "brig.agents",
                                             [STREAM_REREAD] = "brig.jobs"};
        return topics[stream];
}

static void port_tail(void *data, enum dispatch_stream stream, int32_t partition, int64_t offset)
{
        struct world_node *node = data;
        struct world_cursor *cursor = &node->cursors[stream][partition];
        int64_t from = offset == STREAM_BEGINNING ? 0 : offset;
        if (node->world->mutation == MUTATION_NO_REPLAY && stream == STREAM_RESULTS)
                from = fake_log_end(&node->world->log, "brig.results", partition);
        *cursor = (struct world_cursor){.active = true, .offset = from};
        if (node->world->mutation == MUTATION_NO_REASK && stream == STREAM_REREAD)
                cursor->active = false;
}

static void port_untail(void *data, enum dispatch_stream stream, int32_t partition)
{
        struct world_node *node = data;
        node->cursors[stream][partition].active = false;
}

static void port_release(void *data, enum dispatch_stream stream, int32_t partition)
{
        struct world_node *node = data;
        node->cursors[stream][partition].held = false;
}

/* ---- what happens to a node ---- */

/* With one key for all writers, the newest record of an agent is all that compaction leaves of it. */
static bool buried(struct world *w, const struct kafka_record *record)
{
        size_t agent = strcspn((const char *)record->key.data, "|");
        int64_t end = fake_log_end(&w->log, "brig.agents", record->partition);
        for (int64_t k = record->offset + 1; k < end; k++) {
                struct kafka_record later = fake_log_read(&w->log, "brig.agents", record->partition, k);
                if (strncmp((const char *)later.key.data, (const char *)record->key.data, agent + 1) == 0)
                        return true;
        }
        return false;
}

static bool hidden(struct world *w, enum dispatch_stream stream, const struct kafka_record *record)
{
        if (stream != STREAM_AGENTS)
                return false;
        return w->mutation == MUTATION_NO_RESTORE || (w->mutation == MUTATION_ONE_SNAPSHOT_KEY && buried(w, record));
}

static void deliver(struct world_node *node, enum dispatch_stream stream, int32_t partition)
{
        struct world *w = node->world;
        struct world_cursor *cursor = &node->cursors[stream][partition];
        if (!cursor->active || cursor->held)
                return;
        int64_t end = fake_log_end(&w->log, topic_of(stream), partition), offset = cursor->offset;
        if (offset > end) {
                cursor->offset = 0;
                dispatcher_purged(&node->dispatcher, stream, partition);
                return;
        }
        if (offset >= end) {
                bool told = cursor->told_end;
                cursor->told_end = true;
                if (!told)
                        dispatcher_end(&node->dispatcher, stream, partition, end);
                return;
        }
        struct kafka_record record = fake_log_read(&w->log, topic_of(stream), partition, offset);
        cursor->offset = offset + 1;
        cursor->told_end = false;
        if (hidden(w, stream, &record) || dispatcher_record(&node->dispatcher, stream, &record))
                return;
        cursor->held = true;
        if (cursor->offset == offset + 1)
                cursor->offset = offset;
}

static void write_send(struct world *w, struct world_send *s)
{
        s->offset = fake_log_append(&w->log, s->send->topic, s->send->partition, s->send->key, s->send->value, s->send->headers,
                                    s->send->header_count, (int64_t)w->clock.virtual_ms, &s->partition);
        s->written = true;
}

/* Snapshots are acknowledged before they are written: they may never be. */
static bool acknowledged_early(struct world *w, const struct world_send *s)
{
        return w->mutation == MUTATION_COMMIT_FIRST && strcmp(s->send->topic, "brig.agents") == 0;
}

static bool too_large(const struct world *w, const struct world_send *s)
{
        return w->record_bytes_max && s->send->value.size > w->record_bytes_max;
}

/* A producer writes in order, and acknowledges in order. */
static void advance_sends(struct world_node *node)
{
        struct world *w = node->world;
        list_for_each (link, &node->sends) {
                struct world_send *s = list_entry(link, struct world_send, link);
                if (!s->written && !acknowledged_early(w, s) && !too_large(w, s)) {
                        write_send(w, s);
                        return;
                }
        }
}

static void acknowledge(struct world_node *node)
{
        struct error e;
        if (list_empty(&node->sends))
                return;
        struct world_send *s = list_entry(node->sends.next, struct world_send, link);
        bool refused = too_large(node->world, s);
        if (!s->written && !acknowledged_early(node->world, s) && !refused)
                return;
        list_remove(&s->link);
        error_set(&e, ERROR_INVALID, "the record is too large");
        s->send->done(s->send, s->partition, s->offset, refused ? &e : NULL);
        free(s);
}

static void answer_commit(struct world_node *node)
{
        struct error e;
        struct world *w = node->world;
        struct list *link = list_pop(&node->commits);
        if (!link)
                return;
        struct world_commit *commit = list_entry(link, struct world_commit, link);
        int failed = 0;
        if (w->commits_silent) {
                w->commits_silent--;
        } else if (commit->stream == STREAM_JOBS) {
                if (w->commit_failures && w->commit_failures--)
                        failed = error_set(&e, ERROR_KAFKA, "the coordinator moved");
                else
                        failed = apply_commit(node, commit->partition, commit->offset, commit->metadata, &e);
                dispatcher_committed(&node->dispatcher, commit->partition, commit->offset, failed ? &e : NULL);
        }
        free(commit);
}

static void tick(struct world_node *node)
{
        struct world *w = node->world;
        if (w->clock.virtual_ms < node->tick_at_ms)
                return;
        node->tick_at_ms = w->clock.virtual_ms + DISPATCHER_TICK_MS;
        dispatcher_tick(&node->dispatcher);
}

/* ---- starting and ending nodes ---- */

static const struct dispatch_ports table = {.send = port_send,
                                            .commit = port_commit,
                                            .commit_now = port_commit_now,
                                            .seek = port_seek,
                                            .tail = port_tail,
                                            .untail = port_untail,
                                            .release = port_release};

static void must(bool fine, const char *what)
{
        if (fine)
                return;
        fprintf(stderr, "world: %s\n", what);
        abort();
}

static struct world_node *free_node(struct world *w)
{
        for (size_t n = 0; n < WORLD_NODES_MAX; n++)
                if (!w->nodes[n].alive)
                        return &w->nodes[n];
        must(false, "no node is free");
        return NULL;
}

struct world_node *world_start(struct world *w)
{
        struct error e;
        struct world_node *node = free_node(w);
        size_t number = (size_t)(node - w->nodes);
        *node = (struct world_node){.world = w, .alive = true, .config = w->config, .ports = table};
        snprintf(node->id, sizeof node->id, "node-%zu", number);
        node->ports.data = node;
        node->config.dispatcher_id = node->id;
        node->log = (struct log){"brig-dispatcher", getenv("BRIG_TEST_LOG") ? LOG_INFO : LOG_ERROR, &w->clock,
                                 getenv("BRIG_TEST_LOG") ? 2 : -1};
        list_init(&node->sends);
        list_init(&node->commits);
        node->redis = fake_redis_port_new(w->redis);
        must(gate_init(&node->gate, node->redis, &node->config, &e) == 0, "gate_init");
        struct dispatcher_options options = {&node->config, NULL, &node->gate, &node->ports, &w->clock, &node->log, w->log.partitions};
        must(dispatcher_init(&node->dispatcher, &options, &e) == 0, "dispatcher_init");
        dispatcher_redis_up(&node->dispatcher);
        return node;
}

void world_join_one(struct world *w, struct world_node *node, int32_t partition)
{
        const struct world_committed *c = &w->committed[partition];
        if (w->owners[partition])
                return;
        w->owners[partition] = node;
        node->cursors[STREAM_JOBS][partition] = (struct world_cursor){.active = true, .offset = c->offset < 0 ? 0 : c->offset};
        node->cursors[STREAM_CONTROL][partition] = (struct world_cursor){.active = true, .offset = 0};
        dispatcher_assigned(&node->dispatcher, partition, c->offset, c->metadata);
}

void world_join(struct world *w, struct world_node *node)
{
        for (int32_t p = 0; p < w->log.partitions; p++)
                world_join_one(w, node, p);
}

/* What the producer had taken is written or not, as it happens. */
static void drop_sends(struct world_node *node, uint64_t written)
{
        struct error e;
        error_set(&e, ERROR_CANCELLED, "the producer was closed");
        for (struct list *link; (link = list_pop(&node->sends));) {
                struct world_send *s = list_entry(link, struct world_send, link);
                if (!s->written && written && written--)
                        write_send(node->world, s);
                s->send->done(s->send, s->partition, s->offset, &e);
                free(s);
        }
        for (struct list *link; (link = list_pop(&node->commits));)
                free(list_entry(link, struct world_commit, link));
}

void world_kill(struct world *w, struct world_node *node)
{
        dispatcher_cut(&node->dispatcher);
        drop_sends(node, w->mutation == MUTATION_COMMIT_FIRST ? 0 : world_random(w, 4));
        if (!chance(w, 2))
                fake_redis_disconnect(w->redis, node->redis);
        fake_redis_pump_all(w->redis);
        fake_redis_disconnect(w->redis, node->redis);
        for (int32_t p = 0; p < w->log.partitions; p++)
                if (w->owners[p] == node)
                        w->owners[p] = NULL;
        dispatcher_deinit(&node->dispatcher);
        gate_deinit(&node->gate);
        node->alive = false;
}

void world_leave(struct world *w, struct world_node *node)
{
        dispatcher_stop(&node->dispatcher);
        for (unsigned n = 0; n < 100000 && !dispatcher_quiet(&node->dispatcher); n++)
                world_step(w);
        for (int32_t p = 0; p < w->log.partitions; p++)
                if (w->owners[p] == node)
                        dispatcher_revoked(&node->dispatcher, p, false);
        world_kill(w, node);
}

void world_forget(struct world *w, struct world_node *node)
{
        for (int32_t p = 0; p < w->log.partitions; p++)
                if (w->owners[p] == node)
                        w->owners[p] = NULL;
}

void world_tell_lost(struct world *w, struct world_node *node)
{
        for (int32_t p = 0; p < w->log.partitions; p++) {
                if (w->owners[p] == node)
                        continue;
                node->cursors[STREAM_JOBS][p].active = false;
                dispatcher_revoked(&node->dispatcher, p, true);
        }
}

/* ---- faults of Redis and workers ---- */

void world_redis_flush(struct world *w)
{
        fake_redis_flush(w->redis);
        w->saved = false;
}

void world_redis_bounce(struct world *w, struct world_node *node)
{
        fake_redis_disconnect(w->redis, node->redis);
        dispatcher_redis_down(&node->dispatcher);
        fake_redis_pump_all(w->redis);
        fake_redis_connect(w->redis, node->redis);
        dispatcher_redis_up(&node->dispatcher);
}

void world_redis_revert(struct world *w)
{
        if (!w->saved)
                return;
        w->saved = false;
        fake_redis_revert(w->redis);
        for (size_t n = 0; n < WORLD_NODES_MAX; n++)
                if (w->nodes[n].alive)
                        world_redis_bounce(w, &w->nodes[n]);
}

void world_kill_worker(struct world *w, size_t n)
{
        fake_worker_kill(&w->workers[n].worker);
}

/* ---- the world ---- */

static void make_config(struct config *c)
{
        static char prefix[] = "brig", python[] = "python", image[] = "brig/python", classes[] = "attack";
        *c = gate_config();
        c->kafka_topic_prefix = prefix;
        c->default_risk = RISK_MEDIUM;
        c->trust.quarantine_classes = classes;
        for (size_t r = 0; r < RISK_COUNT; r++)
                c->rates[r] = (struct config_rate){5000, 360000000};
        c->global_executions_per_hour = 1000000;
        c->maximum = (struct limits){
                        .timeout_ms = 300000, .memory_bytes = 512 << 20, .cpu_millis = 1000, .processes = 50, .output_bytes = 1 << 20};
        c->language_count = 1;
        c->languages[0] = (struct language){.name = python, .image = image};
        c->language_names[0] = python;
        for (size_t r = 0; r < RISK_COUNT; r++) {
                c->profiles[r].risk = (enum risk)r;
                c->profiles[r].limits = c->maximum;
        }
}

static void start_worker(struct world *w, size_t n)
{
        struct error e;
        struct world_worker *worker = &w->workers[n];
        snprintf(worker->name, sizeof worker->name, "worker-%zu", n);
        worker->redis = fake_redis_port_new(w->redis);
        must(gate_init(&worker->gate, worker->redis, &w->config, &e) == 0, "gate_init");
        worker->worker = (struct fake_worker){.log = &w->log,
                                              .gate = &worker->gate,
                                              .clock = &w->clock,
                                              .name = worker->name,
                                              .pools = pools,
                                              .pool_count = 1,
                                              .lease_ms = w->config.lease_ms};
}

void world_init(struct world *w, uint64_t seed, int32_t partitions, size_t workers)
{
        memset(w, 0, sizeof *w);
        w->random = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
        w->clock = clock_virtual(UINT64_C(1767225600000));
        make_config(&w->config);
        fake_log_init(&w->log, partitions);
        w->redis = fake_redis_new(&w->clock);
        w->worker_count = workers;
        for (size_t n = 0; n < workers; n++)
                start_worker(w, n);
        for (int32_t p = 0; p < partitions; p++)
                w->committed[p].offset = -1;
}

void world_deinit(struct world *w)
{
        for (size_t n = 0; n < WORLD_NODES_MAX; n++)
                if (w->nodes[n].alive)
                        world_kill(w, &w->nodes[n]);
        for (size_t n = 0; n < w->worker_count; n++) {
                world_kill_worker(w, n);
                fake_redis_disconnect(w->redis, w->workers[n].redis);
        }
        fake_redis_pump_all(w->redis);
        for (size_t n = 0; n < w->worker_count; n++)
                gate_deinit(&w->workers[n].gate);
        fake_redis_free(w->redis);
        fake_log_deinit(&w->log);
}

void world_job_id(uint64_t number, char ret_id[static UUID_TEXT_SIZE])
{
        snprintf(ret_id, UUID_TEXT_SIZE, "00000000-0000-4000-8000-%012" PRIx64, number);
}

int64_t world_bytes(struct world *w, const char *agent_id, const char *value)
{
        return fake_log_append(&w->log, "brig.jobs", -1, span_of(agent_id), span_of(value), NULL, 0, (int64_t)w->clock.virtual_ms, NULL);
}

int64_t world_job(struct world *w, uint64_t number, const char *agent_id, const char *code, const char *more)
{
        char value[1024], id[UUID_TEXT_SIZE];
        world_job_id(number, id);
        snprintf(value, sizeof value, "{\"job_id\":\"%s\",\"agent_id\":\"%s\",\"language\":\"python\",\"code\":\"%s\"%s}", id, agent_id,
                 code, more);
        w->job_count++;
        return world_bytes(w, agent_id, value);
}

void world_control(struct world *w, const char *agent_id, const char *value)
{
        fake_log_append(&w->log, "brig.control", -1, span_of(agent_id), span_of(value), NULL, 0, (int64_t)w->clock.virtual_ms, NULL);
}

static bool same_job(const struct fake_worker *a, const struct fake_worker *b)
{
        return strcmp(a->job_id, b->job_id) == 0 && strcmp(a->agent_id, b->agent_id) == 0;
}

static void look_for_overlaps(struct world *w)
{
        for (size_t a = 0; a < w->worker_count; a++)
                for (size_t b = a + 1; b < w->worker_count; b++)
                        if (fake_worker_runs(&w->workers[a].worker) && fake_worker_runs(&w->workers[b].worker) &&
                            same_job(&w->workers[a].worker, &w->workers[b].worker))
                                w->overlaps++;
}

static void step_worker(struct world *w)
{
        struct world_worker *worker = &w->workers[world_random(w, w->worker_count)];
        if (w->clock.virtual_ms >= worker->paused_until_ms)
                fake_worker_step(&worker->worker);
        look_for_overlaps(w);
}

static void step_node(struct world *w, struct world_node *node)
{
        switch (world_random(w, 8)) {
        case 0:
                advance_sends(node);
                break;
        case 1:
                acknowledge(node);
                break;
        case 2:
                answer_commit(node);
                break;
        case 3:
                tick(node);
                break;
        default:
                deliver(node, (enum dispatch_stream)world_random(w, WORLD_STREAMS), (int32_t)world_random(w, (uint64_t)w->log.partitions));
        }
}

void world_step(struct world *w)
{
        struct world_node *node = &w->nodes[world_random(w, WORLD_NODES_MAX)];
        for (unsigned n = 0; n < REPLY_STEPS; n++)
                fake_redis_pump(w->redis);
        if (w->mutation == MUTATION_ANY_EPOCH)
                node->gate.epoch = 0;
        if (node->alive && w->clock.virtual_ms >= node->paused_until_ms)
                step_node(w, node);
        if (w->worker_count)
                step_worker(w);
        if (chance(w, 4))
                w->clock.virtual_ms += 1 + world_random(w, 10);
}

void world_run(struct world *w, uint64_t ms)
{
        for (uint64_t end_ms = w->clock.virtual_ms + ms; w->clock.virtual_ms < end_ms;)
                world_step(w);
}

struct world_node *world_any_node(struct world *w)
{
        size_t first = (size_t)world_random(w, WORLD_NODES_MAX);
        for (size_t n = 0; n < WORLD_NODES_MAX; n++)
                if (w->nodes[(first + n) % WORLD_NODES_MAX].alive)
                        return &w->nodes[(first + n) % WORLD_NODES_MAX];
        return NULL;
}

int64_t world_jobs_end(struct world *w, int32_t partition)
{
        return fake_log_end(&w->log, "brig.jobs", partition);
}

static bool committed_to_the_end(struct world *w)
{
        for (int32_t p = 0; p < w->log.partitions; p++) {
                int64_t end = world_jobs_end(w, p);
                if (end && w->committed[p].offset != end)
                        return false;
        }
        return true;
}

static const char *const leftovers[] = {":job:", ":dead", ":leases", ":expiry", ":deferred", ":queue"};

static bool redis_holds_jobs(struct world *w)
{
        const char *keys = fake_redis_keys(w->redis);
        for (size_t n = 0; n < sizeof leftovers / sizeof leftovers[0]; n++)
                if (strstr(keys, leftovers[n]))
                        return true;
        return false;
}

static bool busy(struct world *w)
{
        for (size_t n = 0; n < w->worker_count; n++)
                if (w->workers[n].worker.phase > FAKE_WORKER_CLAIMING)
                        return true;
        return false;
}

static bool owners_at_rest(struct world *w)
{
        for (int32_t p = 0; p < w->log.partitions; p++) {
                struct world_node *node = w->owners[p];
                if (!node || !dispatcher_quiet(&node->dispatcher))
                        return false;
                if (world_jobs_end(w, p) && !partition_admitting(&node->dispatcher.partitions[p]))
                        return false;
        }
        return strstr(fake_redis_keys(w->redis), ":epoch");
}

bool world_settle_down(struct world *w, uint64_t ms)
{
        for (uint64_t end_ms = w->clock.virtual_ms + ms; w->clock.virtual_ms < end_ms;) {
                world_run(w, 200);
                if (committed_to_the_end(w) && !redis_holds_jobs(w) && !busy(w) && owners_at_rest(w))
                        return true;
        }
        return false;
}

/* ---- what must hold ---- */

static int read_result(struct world *w, int32_t partition, int64_t offset, struct result *ret_result)
{
        struct error e;
        struct kafka_record record = fake_log_read(&w->log, "brig.results", partition, offset);
        json_t *value = json_document_parse(record.value, &e);
        int outcome = value ? result_from_json(ret_result, value, &e) : -1;
        json_decref(value);
        return outcome;
}

static bool is_of(const struct result *result, const char *job_id, const char *agent_id)
{
        return strcmp(result->job_id, job_id) == 0 && strcmp(result->agent_id, agent_id) == 0;
}

/* Count of the job's records on the partition before `end`; the first one's, when wanted. */
static size_t results_of(struct world *w, int32_t partition, int64_t end, const char *job_id, const char *agent_id,
                         struct result *ret_first)
{
        size_t count = 0;
        for (int64_t x = 0; x < end; x++) {
                struct result result = {0};
                must(read_result(w, partition, x, &result) == 0, "a result is not readable");
                if (is_of(&result, job_id, agent_id) && count++ == 0 && ret_first) {
                        *ret_first = result;
                        continue;
                }
                result_deinit(&result);
        }
        return count;
}

size_t world_results_of(struct world *w, uint64_t number, const char *agent_id, struct result *ret_first)
{
        size_t count = 0;
        char id[UUID_TEXT_SIZE];
        world_job_id(number, id);
        for (int32_t p = 0; p < w->log.partitions; p++)
                count += results_of(w, p, fake_log_end(&w->log, "brig.results", p), id, agent_id, count ? NULL : ret_first);
        return count;
}

size_t world_count(struct world *w, const char *topic)
{
        size_t count = 0;
        for (int32_t p = 0; p < w->log.partitions; p++)
                count += (size_t)fake_log_end(&w->log, topic, p);
        return count;
}

static const char *job_without_result(struct world *w)
{
        static char fault[160];
        for (int32_t p = 0; p < w->log.partitions; p++)
                for (int64_t k = 0; k < world_jobs_end(w, p); k++) {
                        struct error e;
                        struct kafka_record record = fake_log_read(&w->log, "brig.jobs", p, k);
                        json_t *value = json_document_parse(record.value, &e);
                        const char *id = json_string_value(json_object_get(value, "job_id"));
                        const char *agent = json_string_value(json_object_get(value, "agent_id"));
                        bool missing = id && agent && !results_of(w, p, fake_log_end(&w->log, "brig.results", p), id, agent, NULL);
                        if (missing)
                                snprintf(fault, sizeof fault, "lost: job %s of %s at %d/%" PRId64 " has no result", id, agent, p, k);
                        json_decref(value);
                        if (missing)
                                return fault;
                }
        return NULL;
}

static int change_of(enum status status)
{
        return status == STATUS_SUCCEEDED ? 50 : status == STATUS_FAILED || status == STATUS_KILLED ? -100 : 0;
}

static int clamp(int trust)
{
        return trust < 0 ? 0 : trust > 1000 ? 1000 : trust;
}

/* The trust that the first records of the agent's jobs give, in their order. */
static int trust_due(struct world *w, int32_t partition, const char *agent_id)
{
        int trust = 500;
        for (int64_t x = 0; x < fake_log_end(&w->log, "brig.results", partition); x++) {
                struct result result = {0};
                must(read_result(w, partition, x, &result) == 0, "a result is not readable");
                if (strcmp(result.agent_id, agent_id) == 0 && !results_of(w, partition, x, result.job_id, agent_id, NULL))
                        trust = clamp(trust + change_of(result.status));
                result_deinit(&result);
        }
        return trust;
}

static void read_trust(struct gate_agent_op *op, const struct error *e)
{
        must(!e, "agent_get failed");
        *(int *)op->base.data = (int)op->agent.trust;
}

static int trust_found(struct world *w, const char *agent_id)
{
        int trust = -1;
        struct error e;
        struct gate gate;
        struct redis_port *port = fake_redis_port(w->redis);
        must(gate_init(&gate, port, &w->config, &e) == 0, "gate_init");
        struct gate_agent_op op = {.base.data = &trust, .done = read_trust, .agent_id = agent_id};
        must(gate_agent_get_start(&gate, &op, &e) == 0, "agent_get");
        while (trust < 0)
                must(fake_redis_pump(w->redis), "agent_get has no answer");
        gate_deinit(&gate);
        return trust;
}

static const char *wrong_trust(struct world *w)
{
        static char fault[160];
        for (int32_t p = 0; p < w->log.partitions; p++)
                for (int64_t k = 0; k < world_jobs_end(w, p); k++) {
                        char agent[64];
                        struct kafka_record record = fake_log_read(&w->log, "brig.jobs", p, k);
                        snprintf(agent, sizeof agent, "%.*s", (int)record.key.size, (const char *)record.key.data);
                        int due = trust_due(w, p, agent), found = trust_found(w, agent);
                        if (due == found)
                                continue;
                        snprintf(fault, sizeof fault, "trust of %s is %d, its first records make it %d", agent, found, due);
                        return fault;
                }
        return NULL;
}

const char *world_fault(struct world *w)
{
        if (w->overlaps)
                return "a job ran twice at once";
        const char *lost = job_without_result(w);
        return lost ? lost : wrong_trust(w);
}
