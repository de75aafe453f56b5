/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/top.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "messages/subjects.h"

#define NAME_MAX_LEN 253

struct question {
	char *reply;
	char only[NAME_MAX_LEN + 1]; /* "": all */
};

struct top {
	struct top_options options;
	struct bus_subscription *subscription;
	struct question waiting[TOP_WAITING_MAX];
	size_t n_waiting;
	bool asking;
};

static uint64_t wall_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail for this clock */
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void drop_questions(struct top *top)
{
	for (size_t i = 0; i < top->n_waiting; i++)
		free(top->waiting[i].reply);
	top->n_waiting = 0;
}

static void answer(struct top *top, const struct question *question, struct traffic *traffic)
{
	auto_call(text_deinit) struct text text = {};

	top_write(&text, top->options.node, traffic, *question->only ? question->only : NULL,
		  wall_ms());
	if (text.failed ||
	    bus_publish(top->options.bus, question->reply, NULL, NULL, 0, text.bytes, text.len) < 0)
		top->options.counters->n_errors++; /* who asked asks again */
}

static void on_count(void *user, const struct worker_count *count)
{
	struct top *top = user;

	top->asking = false;
	for (size_t i = 0; i < top->n_waiting; i++) {
		if (count && count->n_networks == 1)
			answer(top, &top->waiting[i], count->networks[0]);
		else
			top->options.counters->n_errors++;
	}
	drop_questions(top);
}

/* The body is nothing, or the name of a LoadBalancer. Return: whether it is. */
static bool read_body(const struct bus_message *message, struct question *question)
{
	if (message->len > NAME_MAX_LEN)
		return false;
	for (size_t i = 0; i < message->len; i++) {
		char c = message->data[i];

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.'))
			return false;
	}
	if (message->len > 0)
		memcpy(question->only, message->data, message->len);
	question->only[message->len] = '\0';
	return true;
}

static void on_message(void *user, const struct bus_message *message)
{
	struct top *top = user;
	struct question *question = &top->waiting[top->n_waiting];

	top->options.counters->n_requests++;
	if (!message->reply || top->n_waiting == TOP_WAITING_MAX || !read_body(message, question)) {
		top->options.counters->n_errors++;
		return;
	}
	question->reply = strdup(message->reply);
	if (!question->reply)
		return;
	top->n_waiting++;
	if (top->asking)
		return;
	if (counting_ask(top->options.counting, top->options.net, true, on_count, top) < 0) {
		top->options.counters->n_errors += top->n_waiting;
		drop_questions(top);
		return;
	}
	top->asking = true;
}

int top_new(const struct top_options *options, struct top **ret_top, struct error *err)
{
	char name_space[64], name[254], subject[SUBJECT_MAX];
	struct top *top;
	int r;

	*ret_top = NULL;
	if (subject_net_names(options->net, name_space, name) < 0)
		return 0;
	top = calloc(1, sizeof(*top));
	if (!top)
		return error_set(err, -ENOMEM, "out of memory");
	top->options = *options;
	r = bus_subscribe(options->bus, subject_traffic(subject, name_space), NULL, on_message, top,
			  &top->subscription, err);
	if (r < 0) {
		free(top);
		return r;
	}
	*ret_top = top;
	return 0;
}

void top_free(struct top *top)
{
	if (!top)
		return;
	bus_unsubscribe(TAKE(top->subscription));
	drop_questions(top);
	counting_forget(top->options.counting, top);
	free(top);
}
