/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ipam/node.h"
#include "ipam/object.h"
#include "ipam/problem.h"

/*
 * The rules that need nothing but the object: what the table of fields cannot say. A function a rule,
 * named after what it says, in rules_<what>.c; the ids (L1, N1, P1...) in their comments are those of
 * ironcore's own rules, which docs/api.md compares ours with.
 *
 * Rules look at typed values and speak of fields by path; the judge finds line, value and spelling
 * in the document.
 */
struct judge {
	struct problems *problems;
	enum kind kind;
	const struct node *root; /* NULL: there is no document */
	size_t n_read;           /* problems that reading found, before any rule */
};

/* A path as a value: judge_refuse(judge, type, path_at("spec.ips[%zu]", i).text, "..."). */
struct path {
	char text[640];
};

struct path path_at(const char *format, ...) printf_like(1, 2);

/*
 * Adds a problem, unless reading has found one at the same place or beneath it: what could not be
 * read is not missing as well.
 */
void judge_refuse(struct judge *judge, enum problem_type type, const char *path,
		  const char *detail_format, ...) printf_like(4, 5);

/* NULL when `name` is one, or Kubernetes' sentence for what it must be. */
const char *why_not_dns_label(const char *name);
const char *why_not_dns_subdomain(const char *name);
const char *why_not_label_key(const char *key);
const char *why_not_label_value(const char *value);

/* Fills in the defaults that the table cannot compute. Return: 0, -ENOMEM. */
must_check int defaults_fill(struct object *object);

void rules_check(struct judge *judge, const struct object *object);

/* Parts of it. */
void rules_check_meta(struct judge *judge, const struct object *object);
void rules_check_labels(struct judge *judge, const char *path, const struct labels *labels);
void rules_check_annotations(struct judge *judge, const char *path, const struct labels *labels);
void rules_check_reference(struct judge *judge, const char *path, const char *name);
void rules_check_selector(struct judge *judge, const char *path, const struct selector *selector);
void rules_check_addressing(struct judge *judge, const struct addressing *addressing);
void rules_check_prefix(struct judge *judge, const char *path, const struct prefix_spec *spec);
void rules_check_nic(struct judge *judge, const struct object *nic);
void rules_check_lb(struct judge *judge, const struct object *lb);
void rules_check_routing(struct judge *judge, const struct object *routing);
