/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "allocator/call.h"
#include "allocator/mirror.h"
#include "base/array.h"
#include "ipam/decide.h"
#include "ipam/order.h"

static int prepare_documents(struct call *call)
{
	const struct documents *documents = &call->request.documents;
	int r = order_documents(documents, &call->order);

	if (r < 0)
		return r;
	call->n_steps = documents->n_items;
	call->steps = calloc(call->n_steps ? call->n_steps : 1, sizeof(*call->steps));
	if (!call->steps)
		return -ENOMEM;
	for (size_t i = 0; i < call->n_steps; i++) {
		const struct object *object = documents->items[i].object;

		if (!object)
			continue; /* refused before anything is decided */
		call->steps[i].wanted = object;
		call->steps[i].kind = object->kind;
		call->steps[i].name = object->meta.name;
		call->steps[i].resource_version = object->meta.resource_version;
	}
	return 0;
}

static int prepare_targets(struct call *call)
{
	const struct request *request = &call->request;

	call->n_steps = request->n_targets;
	call->steps = calloc(call->n_steps, sizeof(*call->steps));
	call->order = calloc(call->n_steps, sizeof(*call->order));
	if (!call->steps || !call->order)
		return -ENOMEM;
	for (size_t i = 0; i < call->n_steps; i++) {
		call->order[i] = i;
		call->steps[i].kind = request->targets[i].kind;
		call->steps[i].name = request->targets[i].name;
	}
	return 0;
}

/* What uses others goes before what it uses. */
static void reverse(size_t *order, size_t n)
{
	for (size_t i = 0; i < n / 2; i++) {
		size_t other = order[n - 1 - i];

		order[n - 1 - i] = order[i];
		order[i] = other;
	}
}

int write_prepare(struct call *call)
{
	int r = call->request.n_targets ? prepare_targets(call) : prepare_documents(call);

	if (r == 0 && call->request.verb == API_DELETE && !call->request.n_targets)
		reverse(call->order, call->n_steps);
	return r;
}

/* Problems of the manifest itself. Return: how many documents have some. */
static size_t add_document_problems(struct call *call)
{
	const struct documents *documents = &call->request.documents;
	size_t n_bad = 0;
	bool unreadable = false;

	ARRAY_FOREACH(document, documents->items, documents->n_items) {
		if (document->object && !problems_any(&document->problems))
			continue;
		n_bad++;
		answer_add_result(&call->answer, document->title, "refused", &document->problems);
		if (document->problems.n_items &&
		    document->problems.items[0].type == PROBLEM_SYNTAX)
			unreadable = true;
	}
	if (n_bad && documents->n_items == 1)
		answer_set(&call->answer, unreadable ? 400 : 422,
			   "%s is refused, nothing was changed", documents->items[0].title);
	else if (n_bad)
		answer_set(&call->answer, unreadable ? 400 : 422,
			   "%zu of %zu objects %s refused, nothing was changed", n_bad,
			   documents->n_items, n_bad == 1 ? "is" : "are");
	return n_bad;
}

static const char *step_title(const struct step *step, char title[static 320])
{
	(void)snprintf(title, 320, "%s/%s", kind_token(step->kind), step->name);
	return title;
}

static int decide(struct world *world, const struct call *call, const struct step *step,
		  uint64_t sequence, struct verdict *ret_verdict)
{
	struct moment moment = {.now_ms = world_unix_ms(), .sequence = sequence};

	uuid_random(&moment.fresh_uid);
	if (call->request.verb == API_DELETE)
		return decide_delete(world->catalog, step->kind, call->request.name_space,
				     step->name, step->resource_version, &moment, ret_verdict);
	return decide_apply(world->catalog, step->wanted, &moment, ret_verdict);
}

/* Of the record that the next edit leads to. */
static uint64_t sequence_of_next(const struct world *world, const struct batch *batch)
{
	return pipeline_next_sequence(store_pipeline(world->store)) + batch->n_edits;
}

/* Edits the catalog as the verdict says. */
static int carry_out(struct world *world, struct call *call, struct verdict *verdict,
		     struct step *step, struct batch *batch)
{
	uint64_t sequence = sequence_of_next(world, batch);
	char key[OBJECT_KEY_MAX];
	int r = 0;

	step->has_edit = true;
	if (verdict->outcome == VERDICT_DELETED)
		r = batch_remove(
			batch, world->catalog,
			object_key_of(step->kind, call->request.name_space, step->name, key));
	else if (verdict->outcome == VERDICT_UNCHANGED)
		step->has_edit = false;
	else
		r = batch_put(batch, world->catalog, TAKE(verdict->object), sequence);
	world_touch(world, sequence);
	return r;
}

static void refuse(struct call *call, const struct verdict *verdict, const struct step *step)
{
	char title[320];

	answer_add_result(&call->answer, step_title(step, title), "refused", &verdict->problems);
	if (!call->answer.code)
		call->answer.code = verdict->code;
}

static int decide_step(struct world *world, struct call *call, struct step *step,
		       struct batch *batch)
{
	struct verdict verdict = {};
	int r;

	step->has_edit = false;
	if (step->is_stored)
		return 0;
	r = decide(world, call, step, sequence_of_next(world, batch), &verdict);
	if (r == 0) {
		step->outcome = verdict_outcome_name(verdict.outcome);
		if (verdict.outcome == VERDICT_REFUSED)
			refuse(call, &verdict, step);
		else
			r = carry_out(world, call, &verdict, step, batch);
	}
	verdict_deinit(&verdict);
	return r;
}

static void take_back(struct world *world, struct batch *batch)
{
	batch_undo(batch, world->catalog, 0);
	batch_deinit(batch);
	world_touch(world, 0);
	networks_undone(world->networks, pipeline_next_sequence(store_pipeline(world->store)) - 1);
}

size_t write_count_stored(const struct call *call)
{
	size_t n = 0;

	for (size_t i = 0; i < call->n_steps; i++)
		n += call->steps[i].is_stored;
	return n;
}

static void say_refused(struct call *call)
{
	size_t n_refused = json_array_size(call->answer.results);
	size_t n_stored = write_count_stored(call);
	char title[320];

	if (n_stored)
		answer_set(&call->answer, call->answer.code,
			   "%zu of %zu objects refused after somebody else's change; %zu were "
			   "stored before it",
			   n_refused, call->n_steps, n_stored);
	else if (call->n_steps == 1)
		answer_set(&call->answer, call->answer.code, "%s is refused, nothing was changed",
			   step_title(&call->steps[0], title));
	else
		answer_set(&call->answer, call->answer.code,
			   "%zu of %zu objects %s refused, nothing was changed", n_refused,
			   call->n_steps, n_refused == 1 ? "is" : "are");
}

int write_decide(struct world *world, struct call *call, struct batch *ret_batch,
		 enum call_next *ret_next)
{
	struct batch batch = {};
	int r = 0;

	answer_deinit(&call->answer);
	*ret_next = CALL_ANSWER;
	if (add_document_problems(call))
		return 0;
	for (size_t i = 0; i < call->n_steps && r == 0; i++)
		r = decide_step(world, call, &call->steps[call->order[i]], &batch);
	if (r < 0) {
		take_back(world, &batch);
		return r;
	}
	if (call->answer.code) {
		take_back(world, &batch);
		say_refused(call);
	} else if (call->request.verb == API_DRYRUN) {
		write_finish(world, call);
		take_back(world, &batch);
	} else {
		*ret_batch = batch;
		*ret_next = CALL_COMMIT;
	}
	return 0;
}

void write_stored(struct call *call, size_t n_stored)
{
	for (size_t i = 0; i < call->n_steps && n_stored; i++) {
		struct step *step = &call->steps[call->order[i]];

		if (!step->has_edit)
			continue;
		step->is_stored = true;
		step->has_edit = false;
		n_stored--;
	}
}

/* "2 created, 1 unchanged" */
static void add_counts(const struct call *call, struct text *text)
{
	const char *words[8];
	size_t counts[8] = {}, n = 0;

	for (size_t i = 0; i < call->n_steps; i++) {
		size_t k = 0;

		while (k < n && strcmp(words[k], call->steps[i].outcome) != 0)
			k++;
		if (k == n && n < ARRAY_SIZE(words))
			words[n++] = call->steps[i].outcome;
		if (k < ARRAY_SIZE(words))
			counts[k]++;
	}
	for (size_t k = 0; k < n; k++)
		text_addf(text, "%s%zu %s", k ? ", " : "", counts[k], words[k]);
}

void write_finish(struct world *world, struct call *call)
{
	struct text counts = {};
	char title[320];

	for (size_t i = 0; i < call->n_steps; i++) {
		const struct step *step = &call->steps[i];
		const struct object *object = catalog_find(world->catalog, step->kind,
							   call->request.name_space, step->name);

		answer_add_result(&call->answer, step_title(step, title), step->outcome, NULL);
		if (object)
			(void)answer_add_item(&call->answer, mirror_object(world->mirror, object));
	}
	call->answer.is_dry_run = call->request.verb == API_DRYRUN;
	add_counts(call, &counts);
	answer_set(&call->answer, 200, "%zu object%s: %s%s", call->n_steps,
		   call->n_steps == 1 ? "" : "s", counts.bytes ? counts.bytes : "",
		   call->request.verb == API_DRYRUN ? " (dry run, nothing was changed)" : "");
	text_deinit(&counts);
}
