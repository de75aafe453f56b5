/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pulse.h"

#define SHIFT_MAX 2

static unsigned shift_of(const struct pulse *pulse)
{
	unsigned beyond = pulse->falls > PULSE_FALLS ? pulse->falls - PULSE_FALLS : 0;

	return beyond < SHIFT_MAX ? beyond : SHIFT_MAX;
}

bool pulse_is_damped(const struct pulse *pulse)
{
	return pulse->state == PULSE_UNHEALTHY && shift_of(pulse) > 0;
}

void pulse_restart(struct pulse *pulse)
{
	pulse->state = PULSE_UNKNOWN;
	pulse->streak = 0;
}

static void stay(struct pulse *pulse)
{
	pulse->streak = 0;
	if (pulse->state != PULSE_HEALTHY || pulse->calm == PULSE_CALM)
		return;
	if (++pulse->calm == PULSE_CALM)
		pulse->falls = 0;
}

bool pulse_beat(struct pulse *pulse, bool success, uint8_t rise, uint8_t fall)
{
	enum pulse_state said = success ? PULSE_HEALTHY : PULSE_UNHEALTHY;
	bool decides = pulse->state == PULSE_UNKNOWN || (pulse->state == PULSE_TRUSTED && success);
	unsigned needed = success ? (unsigned)rise << shift_of(pulse) : fall;

	if (pulse->state == said) {
		stay(pulse);
		return false;
	}
	pulse->calm = 0;
	pulse->streak++;
	if (!decides && pulse->streak < needed)
		return false;
	if (pulse->state == PULSE_HEALTHY && pulse->falls < UINT8_MAX)
		pulse->falls++;
	pulse->state = said;
	pulse->streak = 0;
	return true;
}
