/* An intrusive doubly linked list: the link lies inside the element; the list owns nothing. */
#ifndef BRIG_COMMON_LIST_H
#define BRIG_COMMON_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
        struct list *next, *prev; /* the head, and each element's link; an unlinked link points at itself */
};

#define list_entry(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))

/* Elements in order; the body may unlink and free the current one. */
#define list_for_each(link, head)                                                                                                          \
        for (struct list *link = (head)->next, *link##_next = link->next; link != (head); link = link##_next, link##_next = link->next)

static inline void list_init(struct list *l)
{
        l->next = l->prev = l;
}

static inline bool list_empty(const struct list *l)
{
        return l->next == l;
}

static inline void list_append(struct list *head, struct list *link)
{
        link->prev = head->prev;
        link->next = head;
        head->prev->next = link;
        head->prev = link;
}

/* Unlinks; calling it again on the same link does nothing. */
static inline void list_remove(struct list *link)
{
        link->prev->next = link->next;
        link->next->prev = link->prev;
        list_init(link);
}

/* The first element's link unlinked, or NULL. */
static inline struct list *list_pop(struct list *head)
{
        struct list *first = head->next;
        if (first == head)
                return NULL;
        list_remove(first);
        return first;
}

#endif
