#include "worker/sandbox/levels.h"

#include <stdio.h>
#include <string.h>

int levels_open(struct levels *levels, struct error *e)
{
        return levels->attacked ? selfattack_read_program(levels->init_path, &levels->program, e) : 0;
}

void levels_close(struct levels *levels)
{
        bytes_deinit(&levels->program);
}

bool levels_ask_for(const struct levels *levels, enum risk risk)
{
        return !levels->asked || (levels->asked & 1U << risk);
}

/* --- what holds --- */

static int check_walls(const struct levels *levels, enum risk risk, struct error *e)
{
        const struct profile *profile = &levels->config->profiles[risk];
        if (levels->broken[risk].code) {
                *e = levels->broken[risk];
                return -1;
        }
        if (profile->network == NETWORK_BRIDGE && levels->link->egress.code)
                return error_set(e, ERROR_SANDBOX, "level %s is not offered: %.150s", risk_name(risk), levels->link->egress.text);
        if (levels->link->up && !engine_has_runtime(&levels->link->engine, profile->runtime))
                return error_set(e, ERROR_SANDBOX, "level %s is not offered: the engine has no runtime %s", risk_name(risk),
                                 profile->runtime);
        return 0;
}

static int check_attack(const struct selfattack *attack, enum risk risk, struct error *e)
{
        if (attack->verdict == SELFATTACK_HELD || attack->verdict == SELFATTACK_NOT_TRIED)
                return 0;
        if (!attack->error.code)
                return error_set(e, ERROR_SANDBOX, "level %s is not offered yet: it has not been attacked", risk_name(risk));
        *e = attack->error;
        return -1;
}

int levels_check(const struct levels *levels, enum risk risk, struct error *e)
{
        if (check_walls(levels, risk, e) < 0)
                return -1;
        return levels->attacked ? check_attack(&levels->attacks[risk], risk, e) : 0;
}

bool levels_break(struct levels *levels, enum risk risk, const struct error *e)
{
        bool news = !levels->broken[risk].code;
        levels->broken[risk] = *e;
        return news;
}

/* --- attacks --- */

struct image_search {
        const struct images *images;
        char id[96];
};

static void take_image(void *data, const char *name)
{
        struct image_search *search = data;
        const char *id;
        struct error ignored;
        if (!search->id[0] && images_find(search->images, name, &id, &ignored) == 0)
                snprintf(search->id, sizeof(search->id), "%s", id);
}

/* The program needs nothing of an image: any will do, but the languages' are the likeliest to start. */
static bool find_image(const struct levels *levels, struct image_search *ret_search)
{
        *ret_search = (struct image_search){.images = &levels->link->images};
        for (size_t i = 0; i < levels->config->language_count; i++)
                take_image(ret_search, levels->config->languages[i].image);
        if (!ret_search->id[0])
                images_each(&levels->link->images, take_image, ret_search);
        return ret_search->id[0] != 0;
}

static void attack_over(struct sandbox_run *run, enum sandbox_outcome outcome, struct result *result, const struct error *e)
{
        struct levels *levels = run->data;
        struct selfattack *attack = &levels->attacks[run->risk];
        selfattack_judge(attack, outcome == SANDBOX_FINISHED ? result : NULL, e);
        if (attack->error.code && attack->error.code != ERROR_CANCELLED)
                log_error(levels->log, LOG_ERROR, "brig's own attack", &attack->error, NULL);
        levels->judged(levels->data);
}

static void attack(struct levels *levels, enum risk risk, const char *image_id)
{
        struct selfattack *attack = &levels->attacks[risk];
        struct slot_want want;
        selfattack_prepare(attack, levels->config, risk, image_id, &levels->program, &want);
        attack->run.done = attack_over;
        attack->run.data = levels;
        if (levels->start(levels->data, attack, &want, &attack->error) < 0)
                attack->verdict = SELFATTACK_DUE;
}

static void look_at(struct levels *levels, enum risk risk)
{
        struct selfattack *now = &levels->attacks[risk];
        struct image_search search;
        struct error ignored;
        bool due = now->verdict == SELFATTACK_DUE || now->verdict == SELFATTACK_NOT_TRIED;
        if (!due || !levels_ask_for(levels, risk) || check_walls(levels, risk, &ignored) < 0)
                return;
        if (find_image(levels, &search))
                attack(levels, risk, search.id);
        else
                now->verdict = SELFATTACK_NOT_TRIED;
}

static void forget_verdict(struct selfattack *attack)
{
        if (attack->verdict != SELFATTACK_RUNNING)
                attack->verdict = SELFATTACK_DUE;
}

void levels_look(struct levels *levels, bool anew)
{
        memset(levels->broken, 0, sizeof(levels->broken)); /* looked at anew by the next container */
        for (enum risk risk = RISK_LOW; levels->attacked && risk < RISK_COUNT; risk++) {
                if (anew)
                        forget_verdict(&levels->attacks[risk]);
                look_at(levels, risk);
        }
}

void levels_cancel_attacks(struct levels *levels)
{
        for (enum risk risk = RISK_LOW; risk < RISK_COUNT; risk++)
                if (levels->attacks[risk].verdict == SELFATTACK_RUNNING)
                        sandbox_run_cancel(&levels->attacks[risk].run, SANDBOX_CANCEL_LEASE);
}

size_t levels_count_attacks(const struct levels *levels)
{
        size_t count = 0;
        for (enum risk risk = RISK_LOW; risk < RISK_COUNT; risk++)
                count += levels->attacks[risk].verdict == SELFATTACK_RUNNING ? 1 : 0;
        return count;
}
