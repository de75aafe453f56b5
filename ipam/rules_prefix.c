/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam/rules.h"

/* Rules of a Prefix, and of the spec of a prefixTemplate. */

/* P1 */
static void family_is_known(struct judge *judge, const char *path, const struct prefix_spec *spec)
{
	if (spec->family == FAMILY_NONE)
		judge_refuse(judge, PROBLEM_REQUIRED, path_at("%s.ipFamily", path).text,
			     "must specify ipFamily: IPv4 or IPv6");
}

/* P2 */
static void prefix_is_of_the_family(struct judge *judge, const char *path,
				    const struct prefix_spec *spec)
{
	enum family family = spec->prefix.address.family;

	if (family && spec->family && family != spec->family)
		judge_refuse(judge, PROBLEM_INVALID, path_at("%s.prefix", path).text,
			     "expected an %s prefix but got %s", family_name(spec->family),
			     family_name(family));
}

/* Stricter than ironcore, which keeps 10.0.0.1/8 as it is. */
static void prefix_has_no_host_bits(struct judge *judge, const char *path,
				    const struct prefix_spec *spec)
{
	struct cidr masked = spec->prefix;
	char text[CIDR_TEXT_MAX];

	cidr_mask(&masked);
	if (spec->prefix.address.family && cidr_has_host_bits(&spec->prefix))
		judge_refuse(judge, PROBLEM_INVALID, path_at("%s.prefix", path).text,
			     "has bits set behind its length; write \"%s\"",
			     cidr_format(&masked, text));
}

/* P3 */
static void length_fits_the_family(struct judge *judge, const char *path,
				   const struct prefix_spec *spec)
{
	if (spec->family && spec->length > family_bits(spec->family))
		judge_refuse(judge, PROBLEM_INVALID, path_at("%s.prefixLength", path).text,
			     "must be between 1 and %u for %s", family_bits(spec->family),
			     family_name(spec->family));
}

/* P4 */
static void root_has_no_length(struct judge *judge, const char *path,
			       const struct prefix_spec *spec)
{
	if (prefix_spec_is_root(spec) && spec->length)
		judge_refuse(judge, PROBLEM_INVALID, path_at("%s.prefixLength", path).text,
			     "cannot specify prefixLength for a root prefix; name its parent in "
			     "prefixRef, or write the block as `prefix`");
}

/* P5 */
static void root_has_a_prefix(struct judge *judge, const char *path, const struct prefix_spec *spec)
{
	if (prefix_spec_is_root(spec) && !spec->prefix.address.family)
		judge_refuse(judge, PROBLEM_REQUIRED, path_at("%s.prefix", path).text,
			     "must specify prefix for a root prefix, or the Prefix to take it from "
			     "in prefixRef");
}

/* P6 */
static void length_is_that_of_the_prefix(struct judge *judge, const char *path,
					 const struct prefix_spec *spec)
{
	if (!prefix_spec_is_root(spec) && spec->prefix.address.family && spec->length &&
	    spec->length != spec->prefix.len)
		judge_refuse(judge, PROBLEM_INVALID, path_at("%s.prefixLength", path).text,
			     "does not match prefix, which is a /%u; leave one of them out",
			     spec->prefix.len);
}

/* P7 */
static void child_says_what_it_wants(struct judge *judge, const char *path,
				     const struct prefix_spec *spec)
{
	if (!prefix_spec_is_root(spec) && !spec->prefix.address.family && !spec->length)
		judge_refuse(judge, PROBLEM_INVALID, path,
			     "must specify either prefix or prefixLength");
}

void rules_check_prefix(struct judge *judge, const char *path, const struct prefix_spec *spec)
{
	family_is_known(judge, path, spec);
	prefix_is_of_the_family(judge, path, spec);
	prefix_has_no_host_bits(judge, path, spec);
	length_fits_the_family(judge, path, spec);
	root_has_no_length(judge, path, spec);
	root_has_a_prefix(judge, path, spec);
	length_is_that_of_the_prefix(judge, path, spec);
	child_says_what_it_wants(judge, path, spec);
	rules_check_reference(judge, path_at("%s.prefixRef.name", path).text,
			      spec->parent); /* P8 */
	rules_check_selector(judge, path_at("%s.parentSelector", path).text,
			     spec->parent_selector); /* P9 */
}
