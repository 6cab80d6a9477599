#include "pushd/wheel.h"

#include <stddef.h>

static void link_into(struct wheel_timer **list, struct wheel_timer *timer) {
  timer->next = *list;
  if (timer->next)
    timer->next->link = &timer->next;
  timer->link = list;
  *list = timer;
}

void wheel_unset(struct wheel_timer *timer) {
  if (!timer->link)
    return;
  *timer->link = timer->next;
  if (timer->next)
    timer->next->link = timer->link;
  timer->link = NULL;
  timer->next = NULL;
}

void wheel_set(struct wheel *wheel, struct wheel_timer *timer, uint32_t due) {
  wheel_unset(timer);
  timer->due = due > wheel->now ? due : wheel->now + 1;
  link_into(&wheel->slots[timer->due % WHEEL_SLOTS], timer);
}

void wheel_advance(struct wheel *wheel, uint32_t now, wheel_fn on_due, void *arg) {
  /* After a long sleep (of the machine, say) every slot is looked at once, not once a lost turn. */
  if (now - wheel->now > WHEEL_SLOTS)
    wheel->now = now - WHEEL_SLOTS;
  while (wheel->now < now) {
    wheel->now++;
    /* The slot's timers move to a list of our own, so that a callback may change any list. */
    struct wheel_timer *list = wheel->slots[wheel->now % WHEEL_SLOTS];
    wheel->slots[wheel->now % WHEEL_SLOTS] = NULL;
    if (list)
      list->link = &list;
    while (list) {
      struct wheel_timer *timer = list;
      wheel_unset(timer);
      if (timer->due <= now)
        on_due(arg, timer);
      else
        link_into(&wheel->slots[timer->due % WHEEL_SLOTS], timer);
    }
  }
}
