/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pulse.h"

bool pulse_beat(struct pulse *pulse, bool success, uint8_t rise, uint8_t fall)
{
	enum pulse_state said = success ? PULSE_HEALTHY : PULSE_UNHEALTHY;

	if (pulse->state == said) {
		pulse->streak = 0;
		return false;
	}
	pulse->streak++;
	if (pulse->state != PULSE_UNKNOWN && pulse->streak < (success ? rise : fall))
		return false;
	*pulse = (struct pulse){.state = said};
	return true;
}
