/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/auto.h"

/*
 * What has happened to an object, for people: the events of `ilb events`. An agent tells an
 * allocator, and allocators put it where everybody finds it (docs/wire.md, "What has happened").
 */

#define NOTE_OBJECT_MAX 320 /* bytes of "kind/name" */
#define NOTE_REASON_MAX 64

struct note {
	char *node;     /* who says so */
	char *net;      /* whose namespace is the object's */
	uint64_t at_ms; /* wall clock (Unix) */
	bool warning;
	char *object;   /* "loadbalancer/web", "network/my-network" */
	char *reason;   /* a word for programs: "DestinationUnhealthy" */
	char *sentence; /* for people */
};

void note_free(struct note *note);
AUTO_DEFINE(struct note, note_free);
