#include "worker/topic_check.h"

#include "common/transport/kafka_topic_limit.h"

enum { ANSWER_MS = 4000, RETRY_MS = 1000 };

static void ask(uv_work_t *work)
{
        struct topic_check *check = work->data;
        int32_t partitions;
        check->outcome = kafka_topics_ensure(check->config, check->topics, ANSWER_MS, &partitions, &check->error);
        if (check->outcome == 0)
                check->outcome = kafka_topic_limit(check->config, check->topics->results, ANSWER_MS, &check->result_bytes_max,
                                                   &check->error);
}

static void try_once(uv_timer_t *retry);

static void answered(uv_work_t *work, int status)
{
        struct topic_check *check = work->data;
        (void)status;
        check->working = false;
        if (check->closed)
                return;
        if (check->outcome == 0) {
                check->done(check);
                return;
        }
        check->failed(check, &check->error);
        uv_timer_start(&check->retry, try_once, RETRY_MS, 0);
}

static void try_once(uv_timer_t *retry)
{
        struct topic_check *check = retry->data;
        check->working = uv_queue_work(retry->loop, &check->work, ask, answered) == 0;
        if (!check->working)
                uv_timer_start(retry, try_once, RETRY_MS, 0);
}

void topic_check_start(struct topic_check *check, uv_loop_t *loop)
{
        check->work.data = check->retry.data = check;
        uv_timer_init(loop, &check->retry);
        uv_timer_start(&check->retry, try_once, 0, 0);
}

void topic_check_close(struct topic_check *check)
{
        check->closed = true;
        if (check->working)
                uv_cancel((uv_req_t *)&check->work);
        uv_close((uv_handle_t *)&check->retry, NULL);
}
