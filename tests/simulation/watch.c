/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/simulation/watch.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/require.h"

enum {
	SETTLED_MS = 5000,    /* a machine that answers for so long must not be taken out */
	FORGOTTEN_MS = 30000, /* and one that answers for so long must be in */
};

struct findings findings;

void watch_begin(void)
{
	findings = (struct findings){};
}

void watch_end(void)
{
	free(findings.by_probes.ms);
	free(findings.by_checks.ms);
	free(findings.back.ms);
	watch_begin();
}

static void note(struct delays *delays, uint64_t ms)
{
	uint32_t *place = ARRAY_ADD(delays->ms, delays->n);

	require(place);
	*place = (uint32_t)ms;
}

/* Whether clients on the node could use machines elsewhere, and its agent is told of them. */
static bool can_know(const struct seat *seat)
{
	return seat->node->power && seat->node->uplink && seat->node->linked && seat->vitals;
}

static struct delays *delays_of(const struct machine *machine)
{
	return !machine->floating && machine->serves ? &findings.by_probes : &findings.by_checks;
}

/*
 * Where nobody says on which node a machine is, one node speaks for it. What it cannot reach is out,
 * also when it is that node which is cut off: no other would know better.
 */
static bool is_left_to_one_that_was_cut_off(const struct net *net, const struct machine *machine)
{
	for (size_t i = 0; machine->floating && i < net->n_seats; i++) {
		const struct node *node = net->seats[i]->node;

		if (!node->uplink || sim_now() - node->uplink_since < FORGOTTEN_MS)
			return true;
	}
	return false;
}

/* One node speaks for it: that it does not answer is heard late where messages are lost. */
static uint64_t settled_ms(const struct machine *machine)
{
	return machine->floating ? FORGOTTEN_MS : SETTLED_MS;
}

static void note_out(const struct seat *seat, const struct machine *machine)
{
	uint64_t ms = sim_now() - machine->since;

	if (!can_know(seat))
		return;
	if (!machine_answers(machine)) {
		if (seat->since < machine->since)
			note(delays_of(machine), ms);
	} else if (ms > settled_ms(machine) && sim_now() - seat->node->uplink_since > SETTLED_MS &&
		   !is_left_to_one_that_was_cut_off(seat->net, machine)) {
		findings.n_mistakes++;
	}
}

static void note_in(const struct seat *seat, const struct machine *machine)
{
	if (can_know(seat) && machine_answers(machine) && seat->since < machine->since)
		note(&findings.back, sim_now() - machine->since);
}

void watch_seat(struct seat *seat, const struct desired_lb *lb)
{
	bool *out = seat->out[lb->uid.bytes[0] - 1];

	for (size_t i = 0; i < lb->n_destinations; i++) {
		bool dead = lb->destinations[i].dead;

		if (dead && !out[i])
			note_out(seat, &seat->net->machines[i]);
		else if (!dead && out[i])
			note_in(seat, &seat->net->machines[i]);
		out[i] = dead;
	}
}

void watch_forget(struct seat *seat)
{
	for (unsigned i = 0; i < N_LBS; i++)
		memset(seat->out[i], 0, seat->net->n_machines * sizeof(bool));
}

static void conclude_one(const struct seat *seat, unsigned which, const struct machine *machine,
			 bool out)
{
	bool answers = machine_answers(machine);
	uint64_t ms = sim_now() - machine->since;

	if (which == LB_PLAIN && !machine->serves)
		return; /* nobody checks it there */
	if (answers && out && ms > FORGOTTEN_MS)
		findings.n_forgotten++;
	else if (!answers && !out && seat->since < machine->since)
		delays_of(machine)->n_missed++;
}

void watch_conclude(void)
{
	for (unsigned i = 0; i < cluster.options.n_nodes * NETS_OF_NODE; i++) {
		const struct seat *seat = &cluster.nodes[i / NETS_OF_NODE].seats[i % NETS_OF_NODE];

		for (unsigned k = 0; can_know(seat) && k < N_LBS; k++) {
			for (size_t m = 0; m < seat->net->lbs[k]->n_destinations; m++)
				conclude_one(seat, k, &seat->net->machines[m], seat->out[k][m]);
		}
	}
}

static int compare(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

uint32_t delays_percentile(const struct delays *delays, unsigned percent)
{
	if (delays->n == 0)
		return 0;
	qsort(delays->ms, delays->n, sizeof(*delays->ms), compare);
	return delays->ms[(delays->n - 1) * percent / 100];
}
