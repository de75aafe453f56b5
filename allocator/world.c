/* SPDX-License-Identifier: Apache-2.0 */
#include "allocator/world.h"

#include "allocator/healthtable.h"
#include "allocator/mirror.h"
#include "base/require.h"

void world_touch(struct world *world, uint64_t sequence)
{
	char key[OBJECT_KEY_MAX];

	while (catalog_take_touched(world->catalog, key)) {
		/* Without memory for a note of what is to be published there is only a restart. */
		require(networks_touch(world->networks, key, sequence) == 0);
		mirror_touch(world->mirror, key);
	}
}

struct roster_truth world_truth(const struct world *world, const char *token)
{
	struct roster_truth truth = {
		.epoch = *store_epoch(world->store),
		.settled_at = networks_settled_at(world->networks),
	};

	networks_get(world->networks, token, &truth.network);
	return truth;
}

struct destinations_health world_health(const struct world *world, const char *token)
{
	struct roster_time time = world_time(world);

	return (struct destinations_health){
		.verdicts = healthtable_find(world->healthtable, token),
		.now_ms = time.now_ms,
		.pending = !roster_is_sure(world->roster, &time),
	};
}

int64_t world_unix_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail for this clock */
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct roster_time world_time(const struct world *world)
{
	return (struct roster_time){.now_ms = uv_now(world->loop), .unix_ms = world_unix_ms()};
}
