/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/flowtable.h"

#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "base/text.h"
#include "dataplane/ruleset.h"

bool flowtable_is_supported(struct nft *nft)
{
	/* With the rule: a kernel may have flowtables and lack the expression that fills them. */
	static const char example[] =
		"add table inet ilb_probe\n"
		"add flowtable inet ilb_probe f { hook ingress priority 0; devices = { lo }; }\n"
		"add chain inet ilb_probe c { type filter hook forward priority 0; }\n"
		"add rule inet ilb_probe c flow add @f\n";
	struct error ignored;

	return nft_check(nft, example, &ignored) == 0;
}

void flowtable_forget(struct flowtable *flowtable)
{
	free(flowtable->devices);
	*flowtable = (struct flowtable){};
}

static bool has(const struct flowtable *flowtable, const struct link_device *device)
{
	for (size_t i = 0; i < flowtable->n_devices; i++) {
		if (flowtable->devices[i].index == device->index)
			return true;
	}
	return false;
}

static bool exists(const struct link_device *devices, size_t n_devices, int index)
{
	for (size_t i = 0; i < n_devices; i++) {
		if (devices[i].index == index)
			return true;
	}
	return false;
}

static bool is_taken(const struct link_device *devices, size_t n_devices, const char *name)
{
	for (size_t i = 0; i < n_devices; i++) {
		if (strcmp(devices[i].name, name) == 0)
			return true;
	}
	return false;
}

static int run_for(struct nft *nft, const char *name,
		   void (*write)(struct text *text, const char *const *devices, size_t n_devices),
		   struct error *err)
{
	auto_call(text_deinit) struct text text = {};

	write(&text, &name, 1);
	if (text.failed)
		return error_set(err, -ENOMEM, "out of memory");
	return nft_run(nft, text.bytes, err);
}

/*
 * Devices that are gone. Kernels up to 6.15 have dropped them, newer ones keep the name: then it is
 * taken out, unless another device has it now and wants to be in.
 */
static uint32_t prune(struct flowtable *flowtable, struct nft *nft,
		      const struct link_device *devices, size_t n_devices)
{
	struct error ignored;
	uint32_t n_runs = 0;
	size_t n = 0;

	for (size_t i = 0; i < flowtable->n_devices; i++) {
		struct flowtable_device *device = &flowtable->devices[i];

		if (exists(devices, n_devices, device->index)) {
			flowtable->devices[n++] = *device;
			continue;
		}
		if (!is_taken(devices, n_devices, device->name))
			n_runs += run_for(nft, device->name, ruleset_write_devices_delete,
					  &ignored) == 0;
	}
	flowtable->n_devices = n;
	return n_runs;
}

static int add(struct flowtable *flowtable, struct nft *nft, const struct link_device *device,
	       uint32_t *n_runs, struct error *err)
{
	struct flowtable_device *added;
	int r;

	r = run_for(nft, device->name, ruleset_write_devices_add, err);
	if (r == -ENOENT)
		return 0; /* gone since it was listed: its event is on the way */
	if (r < 0 && r != -EEXIST)
		return error_prefix(err, r, "device %s cannot be offloaded from", device->name);
	*n_runs += r == 0;
	added = ARRAY_ADD(flowtable->devices, flowtable->n_devices);
	if (!added)
		return error_set(err, -ENOMEM, "out of memory");
	added->index = device->index;
	memcpy(added->name, device->name, sizeof(added->name));
	return 0;
}

int flowtable_update(struct flowtable *flowtable, struct nft *nft,
		     const struct link_device *devices, size_t n_devices, uint32_t *ret_n_runs,
		     struct error *err)
{
	uint32_t n_runs;
	int r, result = 0;

	n_runs = prune(flowtable, nft, devices, n_devices);
	for (size_t i = 0; i < n_devices; i++) {
		if (devices[i].loopback || has(flowtable, &devices[i]))
			continue;
		r = add(flowtable, nft, &devices[i], &n_runs, err);
		if (r < 0)
			result = r;
	}
	*ret_n_runs = n_runs;
	return result;
}
