/*
 * Calls that change files (write, sync, truncate, unlink), in place of the C library's: a process
 * can be made to die at the n-th of them: before it, after it, or half way through a write. Or the
 * disk is full.
 */
#ifndef BELFRY_TESTS_HISTORY_DYING_H
#define BELFRY_TESTS_HISTORY_DYING_H

#include <stdbool.h>
#include <stdint.h>

enum dying_fault { DIES_BEFORE, DIES_HALFWAY, DIES_AFTER, FAULTS };

extern int64_t dying_calls_left; /* until the fault; 0: none is to come */
extern enum dying_fault dying_fault;
extern bool dying_disk_full;

#endif
