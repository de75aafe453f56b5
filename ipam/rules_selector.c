/* SPDX-License-Identifier: Apache-2.0 */
#include "base/array.h"
#include "ipam/rules.h"

/* Rules of label selectors (L19, P9). Source: apimachinery pkg/apis/meta/v1/validation. */

static void expression_has_a_label_key(struct judge *judge, const char *path,
				       const struct requirement *expression)
{
	const char *why = expression->key ? why_not_label_key(expression->key) : NULL;

	if (why)
		judge_refuse(judge, PROBLEM_INVALID, path_at("%s.key", path).text, "%s", why);
}

static void expression_has_the_values_its_operator_needs(struct judge *judge, const char *path,
							 const struct requirement *expression)
{
	bool listed = expression->op == OPERATOR_IN || expression->op == OPERATOR_NOT_IN;

	/* An operator that could not be read is 0, In: nothing can be said of its values. */
	if (listed && expression->n_values == 0)
		judge_refuse(judge, PROBLEM_REQUIRED, path_at("%s.values", path).text,
			     "must be specified when `operator` is 'In' or 'NotIn'");
	if (!listed && expression->n_values)
		judge_refuse(judge, PROBLEM_FORBIDDEN, path_at("%s.values", path).text,
			     "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
}

static void expression_values_are_label_values(struct judge *judge, const char *path,
					       const struct requirement *expression)
{
	for (size_t i = 0; i < expression->n_values; i++) {
		const char *value = expression->values[i];
		const char *why = value ? why_not_label_value(value) : NULL;

		if (why)
			judge_refuse(judge, PROBLEM_INVALID,
				     path_at("%s.values[%zu]", path, i).text, "%s", why);
	}
}

void rules_check_selector(struct judge *judge, const char *path, const struct selector *selector)
{
	if (!selector)
		return;
	rules_check_labels(judge, path_at("%s.matchLabels", path).text, &selector->match_labels);
	for (size_t i = 0; i < selector->n_expressions; i++) {
		struct path at = path_at("%s.matchExpressions[%zu]", path, i);

		expression_has_a_label_key(judge, at.text, &selector->expressions[i]);
		expression_has_the_values_its_operator_needs(judge, at.text,
							     &selector->expressions[i]);
		expression_values_are_label_values(judge, at.text, &selector->expressions[i]);
	}
}
