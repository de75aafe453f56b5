/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam/object.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/array.h"
#include "base/text.h"
#include "ipam/schema.h"

static const struct {
	const char *name, *token, *plural, *abbreviation, *api_version;
} kinds[KIND_N_KINDS] = {
	[KIND_NETWORK] = {"Network", "network", "networks", "net",
			  "networking.ironcore.dev/v1alpha1"},
	[KIND_NETWORK_INTERFACE] = {"NetworkInterface", "networkinterface", "networkinterfaces",
				    "nic", "networking.ironcore.dev/v1alpha1"},
	[KIND_LOAD_BALANCER] = {"LoadBalancer", "loadbalancer", "loadbalancers", "lb",
				"networking.ironcore.dev/v1alpha1"},
	[KIND_LOAD_BALANCER_ROUTING] = {"LoadBalancerRouting", "loadbalancerrouting",
					"loadbalancerroutings", "lbr",
					"networking.ironcore.dev/v1alpha1"},
	[KIND_PREFIX] = {"Prefix", "prefix", "prefixes", "pfx", "ipam.ironcore.dev/v1alpha1"},
};

const char *kind_name(enum kind kind)
{
	return kinds[kind].name;
}

const char *kind_token(enum kind kind)
{
	return kinds[kind].token;
}

const char *kind_api_version(enum kind kind)
{
	return kinds[kind].api_version;
}

int kind_parse(const char *text, enum kind *ret_kind)
{
	for (enum kind kind = 0; kind < KIND_N_KINDS; kind++) {
		if (strcasecmp(text, kinds[kind].token) != 0 &&
		    strcasecmp(text, kinds[kind].plural) != 0 &&
		    strcasecmp(text, kinds[kind].abbreviation) != 0)
			continue;
		*ret_kind = kind;
		return 0;
	}
	return -EINVAL;
}

static void leases_free(struct lease *leases, size_t n)
{
	ARRAY_FOREACH(lease, leases, n)
		free(lease->prefix);
	free(leases);
}

void object_free(struct object *object)
{
	if (!object)
		return;
	schema_deinit(schema_of(object->kind), object);
	leases_free(object->leases, object->n_leases);
	free(object);
}

static int copy_leases(const struct object *object, struct object *copy)
{
	for (size_t i = 0; i < object->n_leases; i++) {
		struct lease *lease = ARRAY_ADD(copy->leases, copy->n_leases);

		if (!lease)
			return -ENOMEM;
		*lease = object->leases[i];
		if (!object->leases[i].prefix)
			continue;
		lease->prefix = strdup(object->leases[i].prefix);
		if (!lease->prefix)
			return -ENOMEM;
	}
	return 0;
}

int object_copy(const struct object *object, struct object **ret_copy)
{
	auto_call(object_freep) struct object *copy = malloc(sizeof(*copy));
	int r;

	if (!copy)
		return -ENOMEM;
	*copy = *object;
	copy->leases = NULL;
	copy->n_leases = 0;
	r = schema_copy(schema_of(object->kind), copy);
	if (r == 0)
		r = copy_leases(object, copy);
	if (r == 0)
		*ret_copy = TAKE(copy);
	return r;
}

const struct addressing *object_addressing(const struct object *object)
{
	switch (object->kind) {
	case KIND_NETWORK_INTERFACE:
		return &object->nic.addressing;
	case KIND_LOAD_BALANCER:
		return &object->lb.addressing;
	case KIND_NETWORK:
	case KIND_LOAD_BALANCER_ROUTING:
	case KIND_PREFIX:
	case KIND_N_KINDS:
		return NULL;
	}
	return NULL;
}

const char *object_network(const struct object *object)
{
	const struct addressing *addressing = object_addressing(object);

	if (object->kind == KIND_LOAD_BALANCER_ROUTING)
		return object->routing.network;
	return addressing ? addressing->network : NULL;
}

const char *object_key_of(enum kind kind, const char *name_space, const char *name,
			  char key[static OBJECT_KEY_MAX])
{
	int n = snprintf(key, OBJECT_KEY_MAX, "%s.%s.", kinds[kind].token, name_space);

	if (n >= OBJECT_KEY_MAX)
		return key; /* cut: no object has such a key */
	(void)snprintf(key + n, OBJECT_KEY_MAX - (size_t)n, "%s", name);
	for (char *p = key + n; *p; p++) {
		if (*p == '.')
			*p = '_';
	}
	return key;
}

const char *object_key(const struct object *object, char key[static OBJECT_KEY_MAX])
{
	return object_key_of(object->kind, object->meta.name_space, object->meta.name, key);
}

uint16_t object_weight(const struct object *nic)
{
	const char *text = labels_find(&nic->meta.annotations, WEIGHT_ANNOTATION);
	uint64_t weight;

	if (!text || text_parse_u64(text, DESIRED_WEIGHT_MAX, &weight) < 0)
		return 1;
	return (uint16_t)weight;
}

void labels_deinit(struct labels *labels)
{
	ARRAY_FOREACH(label, labels->items, labels->n_items) {
		free(label->key);
		free(label->value);
	}
	free(labels->items);
	*labels = (struct labels){};
}

const char *labels_find(const struct labels *labels, const char *key)
{
	size_t low = 0, high = labels->n_items;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(key, labels->items[middle].key);

		if (order == 0)
			return labels->items[middle].value;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

void selector_free(struct selector *selector)
{
	if (!selector)
		return;
	schema_deinit(schema_selector, selector);
	free(selector);
}

void prefix_spec_deinit(struct prefix_spec *spec)
{
	schema_deinit(schema_prefix_spec, spec);
}
