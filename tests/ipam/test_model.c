/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/hash.h"
#include "base/require.h"
#include "base/text.h"
#include "ipam/resolve.h"
#include "ipam/selector.h"
#include "ipam/state.h"
#include "tests/ipam/build.h"
#include "tests/ipam/cloud.h"
#include "tests/ipam/naive.h"
#include "tests/support/cmocka.h"

/*
 * Random users, nodes and failures against decisions, with tests/ipam/naive.h working out beside it
 * what should come of it. After each step: no address has two holders, nothing is leaked, what was
 * decided is what the naive one says, and who was served was the oldest that could be. Now and then a
 * commit is undone, and everything has to be as before. Each run prints its seed; ILB_TEST_SEED and
 * ILB_TEST_STEPS set it and the number of steps.
 */
struct world {
	struct cloud cloud;
	struct naive naive;
	uint64_t seed;
	uint64_t step;
	uint64_t digests[16]; /* of what each LoadBalancer resolved to when it was taken last */
	size_t n_applied, n_refused, n_served, n_freed, n_undone;
};

static uint64_t roll(struct world *world, uint64_t n)
{
	uint64_t z = world->seed += 0x9e3779b97f4a7c15ULL; /* SplitMix64 */

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return (z ^ (z >> 31)) % n;
}

#define PICK(world, list) (list)[roll((world), ARRAY_SIZE(list))]

/* A universe that is small enough for everything to collide with everything. */
static void random_source(struct world *world, bool ipv6, char text[static 64])
{
	static const char *const by_prefix[] = {"@p0", "@p0", "@p0",  "@p1",  "@p2", "@c0",
						"@c1", "@c2", "%t=a", "%t=b", "%"};
	static const char *const by_prefix6[] = {"6@q0", "6@q0", "6@c3", "6%t=a", "6@p0"};
	unsigned low = (unsigned)roll(world, 24);

	switch (roll(world, 8)) {
	case 0:
	case 1:
		(void)snprintf(text, 64, ipv6 ? "fd00::%x" : "10.0.0.%u", low);
		break;
	case 2:
		(void)snprintf(text, 64, ipv6 ? "6@q0=fd00::%x/128" : "@p0=10.0.0.%u/32", low);
		break;
	case 3:
		(void)snprintf(text, 64, ipv6 ? "=fd00::%x/128" : "=10.0.0.%u/32", low);
		break;
	default:
		(void)snprintf(text, 64, "%s",
			       ipv6 ? PICK(world, by_prefix6) : PICK(world, by_prefix));
	}
}

static void random_addressed(struct world *world, const char *kind, const char *tail,
			     char line[static 256])
{
	char sources[2][64];
	bool ipv6_first = roll(world, 2), both = roll(world, 3) == 0;
	unsigned network = (unsigned)roll(world, 2), name = (unsigned)roll(world, 8);

	if (strcmp(kind, "nic") == 0) {
		ipv6_first = name & 1;
		both = name & 2;
	}
	/* networkRef, and ipFamilies of a NetworkInterface, are immutable: the name carries them. */
	random_source(world, ipv6_first, sources[0]);
	random_source(world, !ipv6_first, sources[1]);
	(void)snprintf(line, 256, "%s x%u%u n%u %s%s%s %s", kind, network, name, network,
		       sources[0], both ? "," : "", both ? sources[1] : "", tail);
}

static void random_line(struct world *world, char line[static 256])
{
	static const char *const prefixes[] = {
		"root p0 =10.0.0.0/28 t=a",
		"root p0 =10.0.0.0/28 t=b",
		"root p1 =10.0.0.16/29 t=a",
		"root p2 =10.0.0.0/29 t=b",
		"root p2 =10.0.0.0/29 t=a",
		"root q0 =fd00::/124 t=a",
		"child c0 @p0/30",
		"child c1 @p0=10.0.0.8/30",
		"child c1 @p0=10.0.0.8/30 t=b",
		"child c2 %t=a/30",
		"child c3 6@q0/126 t=b",
		"child c4 @c0/31",
		"child c5 @p1=10.0.0.16/30",
	};
	static const char *const labels[] = {"",
					     "app=web",
					     "app=db",
					     "app=web tier=1",
					     "tier=1",
					     "app=web weight=0",
					     "app=db weight=9 node=k"};
	static const char *const selectors[] = {"", "all", "app=web", "app=db", "app=web tier=1"};

	switch (roll(world, 8)) {
	case 0:
	case 1:
		(void)snprintf(line, 256, "%s", PICK(world, prefixes));
		break;
	case 2:
		(void)snprintf(line, 256, "net n%u", (unsigned)roll(world, 2));
		break;
	case 3:
		(void)snprintf(line, 256, "routing x0%u n0 10.0.0.%u,fd00::1*4",
			       (unsigned)roll(world, 8), (unsigned)roll(world, 9));
		break;
	case 4:
	case 5:
		random_addressed(world, "lb", PICK(world, selectors), line);
		break;
	default:
		random_addressed(world, "nic", PICK(world, labels), line);
	}
}

static void add_leases(struct text *text, const struct object *object)
{
	ARRAY_FOREACH(lease, object->leases, object->n_leases) {
		char block[CIDR_TEXT_MAX];

		text_addf(text, " %s<%s#%zu%c", cidr_format(&lease->block, block),
			  lease->prefix ? lease->prefix : "", lease->index,
			  lease->releasing ? '~' : '.');
	}
}

static uint64_t digest_of_lb(const struct world *world, const struct object *lb)
{
	auto_call(resolution_deinit) struct resolution r = {};
	auto_call(text_deinit) struct text text = {};

	require(resolve_lb(world->cloud.catalog, lb, &r) == 0);
	text_add_bytes(&text, &r.n_destinations, sizeof(r.n_destinations));
	text_add(&text, r.no_routing ? "no routing" : "");
	text_add(&text, r.network_missing ? "no network" : "");
	for (size_t i = 0; r.lb && i < r.lb->n_destinations; i++) {
		const struct desired_destination *d = &r.lb->destinations[i];

		text_add_bytes(&text, &d->address, sizeof(d->address));
		text_add_bytes(&text, &d->weight, sizeof(d->weight));
		text_add(&text, d->node ? d->node : "");
	}
	if (r.lb) {
		text_add_bytes(&text, &r.lb->number, sizeof(r.lb->number));
		text_add_bytes(&text, &r.lb->size_index, sizeof(r.lb->size_index));
		text_add_bytes(&text, &r.lb->generation, sizeof(r.lb->generation));
		text_add_bytes(&text, r.lb->vips, r.lb->n_vips * sizeof(r.lb->vips[0]));
	}
	return hash_bytes(text.bytes, text.len);
}

/* Everything that can be seen of a catalog, but for the order in which it is told. */
static uint64_t digest_of(struct world *world)
{
	auto_call(text_deinit) struct text text = {};

	naive_load(&world->naive, world->cloud.catalog);
	for (size_t i = 0; i < world->naive.n_objects; i++) {
		const struct object *object = world->naive.objects[i];
		struct prefix_usage usage = {};

		text_addf(&text, "\n%d %s %llu", (int)object->kind, object->meta.name,
			  (unsigned long long)object->meta.resource_version);
		add_leases(&text, object);
		if (object->kind == KIND_LOAD_BALANCER)
			text_addf(&text, " %llx", (unsigned long long)digest_of_lb(world, object));
		if (object->kind != KIND_PREFIX)
			continue;
		require(catalog_prefix_usage(world->cloud.catalog, "default", object->meta.name,
					     &usage) == 0);
		text_addf(&text, " %s %s %s %u %zu", usage.size, usage.used, usage.free,
			  usage.largest_free, usage.n_waiters);
	}
	return hash_bytes(text.bytes ? text.bytes : "", text.len);
}

/* The pool of each Prefix has what the leases leave. */
static void check_usage(const struct world *world)
{
	for (size_t i = 0; i < world->naive.n_objects; i++) {
		const struct object *prefix = world->naive.objects[i];
		struct prefix_usage usage;
		char used[32];

		if (prefix->kind != KIND_PREFIX)
			continue;
		require(catalog_prefix_usage(world->cloud.catalog, "default", prefix->meta.name,
					     &usage) == 0);
		(void)snprintf(used, sizeof(used), "%zu", naive_n_used(&world->naive, prefix));
		if (strcmp(usage.used, used) != 0)
			fail_msg("step %llu: %s says %s used, and has %s",
				 (unsigned long long)world->step, prefix->meta.name, usage.used,
				 used);
	}
}

/* What changed was told; numbers of a Network are distinct. */
static void check_lbs(struct world *world)
{
	bool touched[2][8] = {};
	uint32_t numbers[16];
	char key[OBJECT_KEY_MAX];
	size_t n = 0;

	while (catalog_take_touched(world->cloud.catalog, key)) {
		const char *name = key + strlen("loadbalancer.default.x");

		touched[name[0] - '0'][name[1] - '0'] = true;
	}
	for (size_t i = 0; i < world->naive.n_objects; i++) {
		const struct object *lb = world->naive.objects[i];
		size_t network, name;
		uint64_t digest;

		if (lb->kind != KIND_LOAD_BALANCER)
			continue;
		network = (size_t)(lb->meta.name[1] - '0');
		name = (size_t)(lb->meta.name[2] - '0');
		digest = digest_of_lb(world, lb);
		if (!touched[network][name] && digest != world->digests[8 * network + name])
			fail_msg("step %llu: %s changed and was not touched",
				 (unsigned long long)world->step, lb->meta.name);
		world->digests[8 * network + name] = digest;
		for (size_t k = 0; k < n; k++)
			assert_true(numbers[k] != ((uint32_t)network << 24 | lb->lb_number));
		numbers[n++] = (uint32_t)network << 24 | lb->lb_number;
	}
}

static void check_invariants(struct world *world)
{
	naive_load(&world->naive, world->cloud.catalog);
	naive_check(&world->naive);
	check_usage(world);
	check_lbs(world);
	assert_int_equal(catalog_n_conflicts(world->cloud.catalog), 0);
}

/* Puts it in; now and then takes it back first, as the allocator does when the store says no. */
static void commit(struct world *world, struct verdict *verdict)
{
	bool is_stored = verdict->outcome == VERDICT_CREATED ||
			 verdict->outcome == VERDICT_CONFIGURED ||
			 verdict->outcome == VERDICT_DELETING;
	uint64_t before;
	struct object *copy, *old = NULL;
	char key[OBJECT_KEY_MAX];

	if (is_stored && roll(world, 8) == 0) {
		before = digest_of(world);
		require(object_copy(verdict->object, &copy) == 0);
		object_key(copy, key);
		require(catalog_put(world->cloud.catalog, copy, &old) == 0);
		if (old)
			require(catalog_put(world->cloud.catalog, old, &copy) == 0);
		else
			copy = catalog_remove(world->cloud.catalog, key);
		object_free(copy);
		if (digest_of(world) != before)
			fail_msg("step %llu: undoing left something",
				 (unsigned long long)world->step);
		world->n_undone++;
	}
	if (verdict->outcome == VERDICT_DELETED && roll(world, 8) == 0) {
		before = digest_of(world);
		old = catalog_remove(world->cloud.catalog, object_key(verdict->object, key));
		require(catalog_put(world->cloud.catalog, old, &copy) == 0);
		if (digest_of(world) != before)
			fail_msg("step %llu: undoing a removal left something",
				 (unsigned long long)world->step);
		world->n_undone++;
	}
	cloud_commit(&world->cloud, verdict);
}

static struct moment moment_of(struct world *world)
{
	/* Few times and random ids: order by age has to use both. */
	struct moment moment = {.now_ms = 1000 + (int64_t)(world->step / 4)};

	for (size_t i = 0; i < sizeof(moment.fresh_uid.bytes); i++)
		moment.fresh_uid.bytes[i] = (uint8_t)roll(world, 256);
	return moment;
}

static const struct lease *lease_of_entry(const struct object *object, size_t i)
{
	ARRAY_FOREACH(lease, object->leases, object->n_leases) {
		if (!lease->releasing && lease->index == i)
			return lease;
	}
	return NULL;
}

static bool held_before(const struct object *existing, const struct lease *lease)
{
	for (size_t i = 0; existing && i < existing->n_leases; i++) {
		if (cidr_equal(&existing->leases[i].block, &lease->block))
			return true;
	}
	return false;
}

static bool same_request(const struct ip_source *a, const struct ip_source *b)
{
	const struct prefix_spec *x, *y;

	if (!a->ephemeral || !b->ephemeral)
		return !a->ephemeral && !b->ephemeral && address_equal(&a->literal, &b->literal);
	x = &a->ephemeral->spec;
	y = &b->ephemeral->spec;
	return x->family == y->family && cidr_equal(&x->prefix, &y->prefix) &&
	       text_equal(x->parent, y->parent) &&
	       selector_equal(x->parent_selector, y->parent_selector);
}

/* An entry that asks for the same as one before has what that had. */
static void check_sticky(const struct world *world, const struct object *existing,
			 const struct object *object, size_t i)
{
	const struct addressing *before = object_addressing(existing);
	const struct addressing *now = object_addressing(object);

	for (size_t k = 0; k < before->n_ips; k++) {
		const struct lease *had = lease_of_entry(existing, k);
		const struct lease *has = lease_of_entry(object, i);

		if (!had || !same_request(&before->ips[k], &now->ips[i]))
			continue;
		if (!has || !cidr_equal(&had->block, &has->block))
			fail_msg("step %llu: %s lost what it had", (unsigned long long)world->step,
				 object->meta.name);
	}
}

static void check_entry(struct world *world, const struct object *existing,
			const struct object *object, size_t i)
{
	const struct addressing *addressing = object_addressing(object);
	const struct lease *lease = lease_of_entry(object, i);
	const struct prefix_spec *wanted = !addressing ? &object->prefix
					   : addressing->ips[i].ephemeral
						   ? &addressing->ips[i].ephemeral->spec
						   : NULL;
	const struct object *prefix;
	struct cidr block;

	if (existing && addressing)
		check_sticky(world, existing, object, i);
	if (!wanted || prefix_spec_is_root(wanted) || (lease && held_before(existing, lease)))
		return;
	prefix = naive_choose(&world->naive, object, i, &block);
	if (!prefix != !lease)
		fail_msg("step %llu: %s entry %zu: %s", (unsigned long long)world->step,
			 object->meta.name, i, prefix ? "got nothing" : "got something");
	if (lease &&
	    (!cidr_equal(&block, &lease->block) || !text_equal(prefix->meta.name, lease->prefix)))
		fail_msg("step %llu: %s entry %zu got the wrong one",
			 (unsigned long long)world->step, object->meta.name, i);
}

/* Nothing that it held is forgotten before nodes have let go of it. */
static void check_kept(const struct world *world, const struct object *existing,
		       const struct object *object)
{
	for (size_t i = 0; existing && i < existing->n_leases; i++) {
		if (!held_before(object, &existing->leases[i]))
			fail_msg("step %llu: %s forgot a lease", (unsigned long long)world->step,
				 object->meta.name);
	}
}

/* A literal that somebody else holds, or a template without parent that is as good as one. */
static bool must_be_refused(const struct world *world, const struct object *wanted)
{
	const struct addressing *addressing = object_addressing(wanted);

	for (size_t i = 0; addressing && i < addressing->n_ips; i++) {
		const struct ip_source *source = &addressing->ips[i];
		const struct address *address = &source->literal;

		if (source->ephemeral && !prefix_spec_is_root(&source->ephemeral->spec))
			continue;
		if (source->ephemeral)
			address = &source->ephemeral->spec.prefix.address;
		if (naive_holder(&world->naive, wanted, address))
			return true;
	}
	return false;
}

static void step_apply(struct world *world)
{
	auto_call(object_freep) struct object *wanted = NULL;
	const struct object *existing;
	struct moment moment = moment_of(world);
	struct verdict verdict = {};
	char line[256];

	random_line(world, line);
	wanted = build(line);
	existing = catalog_find(world->cloud.catalog, wanted->kind, "default", wanted->meta.name);
	require(decide_apply(world->cloud.catalog, wanted, &moment, &verdict) == 0);
	if (verdict.outcome == VERDICT_REFUSED) {
		bool expected = (existing && existing->meta.deleting_ms) ||
				wanted->kind == KIND_PREFIX || must_be_refused(world, wanted);

		if (!expected)
			fail_msg("step %llu: '%s' was refused: %s", (unsigned long long)world->step,
				 line, verdict.problems.items[0].detail);
		world->n_refused++;
	} else {
		if (must_be_refused(world, wanted))
			fail_msg("step %llu: '%s' was not refused", (unsigned long long)world->step,
				 line);
		for (size_t i = 0; i < object_n_sources(verdict.object); i++)
			check_entry(world, existing, verdict.object, i);
		check_kept(world, existing, verdict.object);
		world->n_applied++;
	}
	commit(world, &verdict);
}

static bool is_in_use(const struct world *world, const struct object *object)
{
	for (size_t i = 0; i < world->naive.n_objects; i++) {
		const struct object *other = world->naive.objects[i];

		if (object->kind == KIND_NETWORK && object_addressing(other) &&
		    text_equal(object_network(other), object->meta.name))
			return true;
		for (size_t k = 0; object->kind == KIND_PREFIX && k < other->n_leases; k++) {
			if (text_equal(other->leases[k].prefix, object->meta.name))
				return true;
		}
	}
	return false;
}

static void step_delete(struct world *world)
{
	const struct object *object;
	struct moment moment = moment_of(world);
	struct verdict verdict = {};

	if (!world->naive.n_objects)
		return;
	object = world->naive.objects[roll(world, world->naive.n_objects)];
	require(decide_delete(world->cloud.catalog, object->kind, object->meta.name_space,
			      object->meta.name, 0, &moment, &verdict) == 0);
	assert_int_equal(verdict.outcome == VERDICT_REFUSED, is_in_use(world, object));
	commit(world, &verdict);
}

static uint64_t confirmed(void *user, const char *name_space, const char *network)
{
	const struct world *world = user;

	(void)name_space;
	/* One Network lags behind; the other is hosted nowhere at times. */
	if (strcmp(network, "n0") == 0 && world->step % 64 < 48)
		return world->cloud.sequence > 40 ? world->cloud.sequence - 40 : 1;
	return UINT64_MAX;
}

/* Who got something was the oldest that could be served by that Prefix, and got the right one. */
static void check_served(struct world *world, const struct object *object)
{
	const struct object *existing =
		catalog_find(world->cloud.catalog, object->kind, "default", object->meta.name);

	for (size_t i = 0; i < object_n_sources(object); i++) {
		const struct lease *lease = lease_of_entry(object, i);
		const struct object *prefix, *chosen;
		struct cidr block;

		if (!lease || held_before(existing, lease))
			continue;
		prefix = catalog_find(world->cloud.catalog, KIND_PREFIX, "default", lease->prefix);
		if (naive_oldest_waiter(&world->naive, prefix) != existing)
			fail_msg("step %llu: %s was served before its turn",
				 (unsigned long long)world->step, object->meta.name);
		chosen = naive_choose(&world->naive, existing, i, &block);
		assert_ptr_equal(chosen, prefix);
		assert_true(cidr_equal(&block, &lease->block));
		world->n_served++;
	}
}

static bool step_next(struct world *world)
{
	struct moment moment = moment_of(world);
	struct verdict verdict = {};
	const struct object *existing;
	int n = decide_next(world->cloud.catalog, confirmed, world, &moment, &verdict);

	require(n >= 0);
	if (n == 0)
		return false;
	existing = catalog_find(world->cloud.catalog, verdict.object->kind, "default",
				verdict.object->meta.name);
	if (verdict.outcome == VERDICT_DELETED || verdict.object->n_leases < existing->n_leases) {
		assert_true(existing->meta.resource_version <=
			    confirmed(world, "default", object_network(existing)));
		world->n_freed++;
	} else {
		check_served(world, verdict.object);
	}
	commit(world, &verdict);
	return true;
}

/* When there is nothing to do, nobody waits who could be served. */
static void step_settle(struct world *world)
{
	for (unsigned n = 0; step_next(world); n++) {
		check_invariants(world);
		require(n < 1000);
	}
	for (size_t i = 0; i < world->naive.n_objects; i++) {
		const struct object *object = world->naive.objects[i];

		if (object->kind == KIND_PREFIX && naive_oldest_waiter(&world->naive, object))
			fail_msg("step %llu: %s could serve %s", (unsigned long long)world->step,
				 object->meta.name,
				 naive_oldest_waiter(&world->naive, object)->meta.name);
	}
}

static uint64_t setting(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);
	uint64_t value = otherwise;

	if (text && text_parse_u64(text, UINT64_MAX, &value) < 0)
		fail_msg("%s is not a number: %s", name, text);
	return value;
}

static void test_against_naive(void **state)
{
	struct world world = {.seed = setting("ILB_TEST_SEED", 20261123)};
	uint64_t n_steps = setting("ILB_TEST_STEPS", 20000);

	(void)state;
	print_message("seed %llu, %llu steps\n", (unsigned long long)world.seed,
		      (unsigned long long)n_steps);
	cloud_init(&world.cloud);
	for (; world.step < n_steps; world.step++) {
		uint64_t dice = roll(&world, 16);

		if (dice < 9)
			step_apply(&world);
		else if (dice < 12)
			step_delete(&world);
		else if (dice < 15)
			(void)step_next(&world);
		else
			step_settle(&world);
		check_invariants(&world);
	}
	print_message("%zu applied, %zu refused, %zu waiters served, %zu freed, %zu undone\n",
		      world.n_applied, world.n_refused, world.n_served, world.n_freed,
		      world.n_undone);
	/* A model in which nothing happens proves nothing. */
	if (n_steps >= 10000)
		assert_true(world.n_served > n_steps / 100 && world.n_freed > n_steps / 100 &&
			    world.n_refused > n_steps / 100 && world.n_undone > n_steps / 100);
	cloud_deinit(&world.cloud);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_against_naive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
