/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/probes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/text.h"
#include "messages/codec.h"

enum { ONES_MAX = PROBES_TARGETS_MAX + PROBES_CONTROLS_MAX };

struct one {
	struct round *round;
	bool control;
	struct desired_check check;
	struct attempt *attempt; /* NULL: over */
};

struct round {
	struct probes *probes;
	char *node, *reply;
	struct one ones[ONES_MAX];
	unsigned n_left;
	unsigned n_controls, n_controls_answered;
	struct probe probe;
	struct round *prev, *next;
};

static void round_free(struct round *round)
{
	for (size_t i = 0; i < ONES_MAX; i++)
		attempt_cancel(TAKE(round->ones[i].attempt));
	DL_DELETE(round->probes->rounds, round);
	round->probes->n_rounds--;
	free(round->node);
	free(round->reply);
	free(round);
}

static void answer(struct round *round)
{
	struct probes *probes = round->probes;
	auto_free void *bytes = NULL;
	size_t len;

	if (round->probe.n_answered == 0 && round->n_controls > 0 &&
	    round->n_controls_answered == 0)
		round->probe.n_asked = 0; /* nobody answers us: it may be our own link */
	round->probe.net = (char *)probes->net;
	round->probe.node = round->node;
	if (probe_pack(&round->probe, &bytes, &len) == 0 &&
	    bus_publish(probes->bus, round->reply, NULL, NULL, 0, bytes, len) < 0)
		return; /* the allocator asks again */
}

/* Link-local addresses are on every node's uplink: replies to them end up anywhere. */
static bool can_be_answered(const struct address *source)
{
	if (source->family == FAMILY_IPV4)
		return source->bytes[0] != 0 &&
		       (source->bytes[0] != 169 || source->bytes[1] != 254);
	return source->family == FAMILY_IPV6 &&
	       (source->bytes[0] != 0xfe || (source->bytes[1] & 0xc0) != 0x80);
}

static bool is_sign_of_life(const struct attempt_result *result)
{
	return result->outcome == ATTEMPT_SUCCEEDED ||
	       text_equal(result->reason, "ConnectionRefused") ||
	       text_equal(result->reason, "ConnectionReset");
}

static void count(struct round *round, const struct one *one, const struct attempt_result *result)
{
	bool alive = is_sign_of_life(result);

	if (one->control) {
		round->n_controls_answered += alive;
	} else if (alive ||
		   (result->outcome == ATTEMPT_FAILED && can_be_answered(&result->source))) {
		round->probe.n_asked++;
		round->probe.n_answered += alive;
	}
}

static void on_result(void *user, const struct attempt_result *result)
{
	struct one *one = user;
	struct round *round = one->round;

	one->attempt = NULL;
	count(round, one, result);
	if (--round->n_left > 0 && round->probe.n_answered == 0)
		return;
	answer(round);
	round_free(round);
}

static int start_all(struct round *round, const struct probe_target *targets, size_t n_targets)
{
	struct probes *probes = round->probes;

	for (size_t i = 0; i < n_targets && i < ONES_MAX; i++) {
		struct one *one = &round->ones[i];

		one->round = round;
		one->control = targets[i].control;
		round->n_controls += one->control;
		one->check = (struct desired_check){
			.port = targets[i].port, .interval_s = 1, .timeout_s = PROBES_TIMEOUT_S};
		if (attempt_start(probes->attempts, probes->net, &targets[i].address, &one->check,
				  on_result, one, &one->attempt) < 0)
			return -ENOMEM;
		round->n_left++;
	}
	return 0;
}

int probes_start(struct probes *probes, const char *node, const char *reply,
		 const struct probe_target *targets, size_t n_targets)
{
	struct round *round;
	int r;

	if (probes->n_rounds >= PROBES_ROUNDS_MAX)
		return -ENOBUFS;
	round = calloc(1, sizeof(*round));
	if (!round)
		return -ENOMEM;
	round->probes = probes;
	DL_APPEND(probes->rounds, round);
	probes->n_rounds++;
	round->node = strdup(node);
	round->reply = strdup(reply);
	r = round->node && round->reply ? start_all(round, targets, n_targets) : -ENOMEM;
	if (r == 0 && round->n_left == 0)
		answer(round); /* that there is nothing to ask */
	if (r < 0 || round->n_left == 0)
		round_free(round);
	return r;
}

void probes_deinit(struct probes *probes)
{
	while (probes->rounds)
		round_free(probes->rounds);
}
