/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What an operator should know about the nats-server that keeps the store. Pure.
 * @version: "2.9.10"; one that cannot be read counts as new.
 * @copies: of the store.
 * Return: a sentence.
 */
const char *advice_for(const char *version, unsigned copies);
