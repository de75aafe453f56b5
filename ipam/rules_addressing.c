/* SPDX-License-Identifier: Apache-2.0 */
#include "base/array.h"
#include "ipam/rules.h"

/* Rules of networkRef, ipFamilies and ips, which LoadBalancer and NetworkInterface share. */

/* L18, N1 */
static void network_is_named(struct judge *judge, const struct addressing *addressing)
{
	if (!addressing->network)
		judge_refuse(judge, PROBLEM_REQUIRED, "spec.networkRef",
			     "must specify a network ref: name the Network");
}

/* L4, N4 */
static void there_is_a_family(struct judge *judge, const struct addressing *addressing)
{
	if (addressing->n_families == 0)
		judge_refuse(judge, PROBLEM_REQUIRED, "spec.ipFamilies",
			     "must specify ip families: IPv4, IPv6 or both");
}

/* L6. Written ones that repeat were found while reading; these come from `ips`. */
static void families_are_distinct(struct judge *judge, const struct addressing *addressing)
{
	if (addressing->n_families == 2 && addressing->families[0] &&
	    addressing->families[0] == addressing->families[1])
		judge_refuse(judge, PROBLEM_DUPLICATE, "spec.ipFamilies[1]",
			     "spec.ips has two %s addresses; at most one per family",
			     family_name(addressing->families[0]));
}

/* L7 */
static bool ip_has_a_source(struct judge *judge, const char *path, const struct ip_source *ip)
{
	if (ip->literal.family || ip->ephemeral)
		return true;
	judge_refuse(judge, PROBLEM_INVALID, path,
		     "must specify an ip source: either ip or ephemeral");
	return false;
}

/* L8 */
static void ip_has_one_source(struct judge *judge, const char *path, const struct ip_source *ip)
{
	if (ip->literal.family && ip->ephemeral)
		judge_refuse(judge, PROBLEM_INVALID, path_at("%s.ephemeral", path).text,
			     "cannot specify multiple ip sources: either ip or ephemeral");
}

/* L10 */
static void ip_has_a_family(struct judge *judge, const char *path,
			    const struct addressing *addressing, size_t i)
{
	if (addressing->n_families && i >= addressing->n_families)
		judge_refuse(judge, PROBLEM_INVALID, path,
			     "cannot determine ip family: spec.ipFamilies has %zu for %zu ips",
			     addressing->n_families, addressing->n_ips);
}

/* L9 */
static void literal_is_of_its_family(struct judge *judge, const char *path,
				     const struct address *literal, enum family family)
{
	if (literal->family && family && literal->family != family)
		judge_refuse(judge, PROBLEM_INVALID, path_at("%s.ip", path).text,
			     "expected ip family %s but got %s, by its place in spec.ipFamilies",
			     family_name(family), family_name(literal->family));
}

/* Stricter than ironcore, which takes any address. */
static void literal_can_be_a_host(struct judge *judge, const char *path,
				  const struct address *literal)
{
	const char *why = literal->family ? address_why_not_host(literal) : NULL;

	if (why)
		judge_refuse(judge, PROBLEM_INVALID, path,
			     "must be the address of a host; this one is %s", why);
}

/* L14 */
static void template_is_of_its_family(struct judge *judge, const char *path,
				      const struct prefix_spec *spec, enum family family)
{
	if (spec->family && family && spec->family != family)
		judge_refuse(judge, PROBLEM_FORBIDDEN, path_at("%s.ipFamily", path).text,
			     "has to match ip family \"%s\", by its place in spec.ipFamilies",
			     family_name(family));
}

/* L15, L16 */
static void template_is_a_single_address(struct judge *judge, const char *path,
					 const struct prefix_spec *spec, enum family family)
{
	if (!family)
		return;
	if (spec->prefix.address.family && spec->prefix.len != family_bits(family))
		judge_refuse(judge, PROBLEM_FORBIDDEN, path_at("%s.prefix", path).text,
			     "must be a single IP: a /%u", family_bits(family));
	if (spec->length && spec->length != family_bits(family))
		judge_refuse(judge, PROBLEM_FORBIDDEN, path_at("%s.prefixLength", path).text,
			     "must be a single IP: %u; or leave it out", family_bits(family));
}

/* L12 (its rest is the table's), L13 */
static void check_template(struct judge *judge, const char *ip_path,
			   const struct prefix_template *template, enum family family)
{
	struct path path = path_at("%s.ephemeral.prefixTemplate", ip_path);
	struct path spec = path_at("%s.spec", path.text);

	rules_check_labels(judge, path_at("%s.metadata.labels", path.text).text, &template->labels);
	rules_check_annotations(judge, path_at("%s.metadata.annotations", path.text).text,
				&template->annotations);
	rules_check_prefix(judge, spec.text, &template->spec);
	template_is_of_its_family(judge, spec.text, &template->spec, family);
	template_is_a_single_address(judge, spec.text, &template->spec, family);
	literal_can_be_a_host(judge, path_at("%s.prefix", spec.text).text,
			      &template->spec.prefix.address);
}

static void check_ip(struct judge *judge, const struct addressing *addressing, size_t i)
{
	const struct ip_source *ip = &addressing->ips[i];
	struct path path = path_at("spec.ips[%zu]", i);
	enum family family = i < addressing->n_families ? addressing->families[i] : FAMILY_NONE;

	if (!ip_has_a_source(judge, path.text, ip))
		return;
	ip_has_one_source(judge, path.text, ip);
	ip_has_a_family(judge, ip->literal.family ? path_at("%s.ip", path.text).text : path.text,
			addressing, i);
	literal_is_of_its_family(judge, path.text, &ip->literal, family);
	literal_can_be_a_host(judge, path_at("%s.ip", path.text).text, &ip->literal);
	if (ip->ephemeral)
		check_template(judge, path.text, ip->ephemeral, family);
}

void rules_check_addressing(struct judge *judge, const struct addressing *addressing)
{
	network_is_named(judge, addressing);
	rules_check_reference(judge, "spec.networkRef.name", addressing->network);
	there_is_a_family(judge, addressing);
	families_are_distinct(judge, addressing);
	for (size_t i = 0; i < addressing->n_ips; i++)
		check_ip(judge, addressing, i);
}
