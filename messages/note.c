/* SPDX-License-Identifier: Apache-2.0 */
#include "messages/note.h"

#include <stdlib.h>

void note_free(struct note *note)
{
	if (!note)
		return;
	free(note->node);
	free(note->net);
	free(note->object);
	free(note->reason);
	free(note->sentence);
	free(note);
}
