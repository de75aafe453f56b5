/* SPDX-License-Identifier: Apache-2.0 */
#include "monitor/exposition.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"

void exposition_metric(struct text *text, enum exposition_type type, const char *name,
		       const char *help)
{
	static const char *const types[] = {
		[EXPOSITION_COUNTER] = "counter",
		[EXPOSITION_GAUGE] = "gauge",
		[EXPOSITION_HISTOGRAM] = "histogram",
	};

	text_addf(text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, types[type]);
}

/* Backslash, quote and line break are all that must not stand in a value as they are. */
static void add_value(struct text *text, const char *value)
{
	for (;;) {
		size_t plain = strcspn(value, "\\\"\n");

		text_add_bytes(text, value, plain);
		value += plain;
		if (!*value)
			return;
		text_add(text, *value == '\n' ? "\\n" : *value == '"' ? "\\\"" : "\\\\");
		value++;
	}
}

static void add_name(struct text *text, const char *name, const struct exposition_label *labels,
		     size_t n_labels)
{
	text_add(text, name);
	for (size_t i = 0; i < n_labels; i++) {
		text_addf(text, "%c%s=\"", i ? ',' : '{', labels[i].name);
		add_value(text, labels[i].value);
		text_add(text, "\"");
	}
	text_add(text, n_labels ? "} " : " ");
}

void exposition_count(struct text *text, const char *name, const struct exposition_label *labels,
		      size_t n_labels, uint64_t value)
{
	add_name(text, name, labels, n_labels);
	text_addf(text, "%" PRIu64 "\n", value);
}

void exposition_seconds(struct text *text, const char *name, const struct exposition_label *labels,
			size_t n_labels, uint64_t value_ms)
{
	add_name(text, name, labels, n_labels);
	text_addf(text, "%" PRIu64 ".%03u\n", value_ms / 1000, (unsigned)(value_ms % 1000));
}

void exposition_single(struct text *text, enum exposition_type type, const char *name,
		       const char *help, uint64_t value)
{
	exposition_metric(text, type, name, help);
	exposition_count(text, name, NULL, 0, value);
}

static const uint32_t bounds_ms[HISTOGRAM_N_BOUNDS] = HISTOGRAM_BOUNDS_MS;

void histogram_note(struct histogram *histogram, uint64_t value_ms)
{
	size_t i = 0;

	while (i < HISTOGRAM_N_BOUNDS && value_ms > bounds_ms[i])
		i++;
	histogram->counts[i]++;
	histogram->sum_ms += value_ms;
}

void exposition_histogram(struct text *text, const char *name, const char *help,
			  const struct histogram *histogram)
{
	char part[128], bound[32] = "+Inf";
	const struct exposition_label label = {"le", bound};
	uint64_t sum = 0;

	exposition_metric(text, EXPOSITION_HISTOGRAM, name, help);
	(void)snprintf(part, sizeof(part), "%s_bucket", name);
	for (size_t i = 0; i <= HISTOGRAM_N_BOUNDS; i++) {
		sum += histogram->counts[i];
		if (i < HISTOGRAM_N_BOUNDS)
			(void)snprintf(bound, sizeof(bound), "%g", bounds_ms[i] / 1000.0);
		else
			(void)snprintf(bound, sizeof(bound), "+Inf");
		exposition_count(text, part, &label, 1, sum);
	}
	(void)snprintf(part, sizeof(part), "%s_sum", name);
	exposition_seconds(text, part, NULL, 0, histogram->sum_ms);
	(void)snprintf(part, sizeof(part), "%s_count", name);
	exposition_count(text, part, NULL, 0, sum);
}
