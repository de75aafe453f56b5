/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

/*
 * Prometheus' text format, version 0.0.4. Pure. All samples of a metric stand behind its heading:
 *
 *	exposition_metric(&text, EXPOSITION_COUNTER, "ilb_agent_repairs_total", "Tables written anew.");
 *	exposition_count(&text, "ilb_agent_repairs_total", (struct exposition_label[]){
 *		{"network", "my-network"}}, 1, 3);
 *
 * Source: https://prometheus.io/docs/instrumenting/exposition_formats/
 */

#define EXPOSITION_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

enum exposition_type { EXPOSITION_COUNTER, EXPOSITION_GAUGE, EXPOSITION_HISTOGRAM };

struct exposition_label {
	const char *name;
	const char *value; /* any text: it is escaped */
};

/* @help: a sentence, without line breaks. */
void exposition_metric(struct text *text, enum exposition_type type, const char *name,
		       const char *help);

void exposition_count(struct text *text, const char *name, const struct exposition_label *labels,
		      size_t n_labels, uint64_t value);
void exposition_seconds(struct text *text, const char *name, const struct exposition_label *labels,
			size_t n_labels, uint64_t value_ms);

/* A metric of one sample without labels. */
void exposition_single(struct text *text, enum exposition_type type, const char *name,
		       const char *help, uint64_t value);

/* How long something takes, from a millisecond to half a minute. */
#define HISTOGRAM_BOUNDS_MS                                                        \
	{                                                                          \
		1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 30000 \
	}
#define HISTOGRAM_N_BOUNDS 14

struct histogram {
	uint64_t counts[HISTOGRAM_N_BOUNDS + 1]; /* the last: longer than all bounds */
	uint64_t sum_ms;
};

void histogram_note(struct histogram *histogram, uint64_t value_ms);

/* Heading and samples. @name: ends with _seconds. */
void exposition_histogram(struct text *text, const char *name, const char *help,
			  const struct histogram *histogram);
