/*
 * Stamps and the ledger of a receiver, with the host's counters
 * kept here.
 */
#include "fake_log.h"

#include <swarm/mqtt_audit.h>

#include <setjmp.h>
#include <stdio.h>

#include <cmocka.h>

/* ---- what the host would provide ---- */

static int64_t now = 1000;
static const char *names[32];
static int64_t counts[32];
static int64_t observed;

int64_t swarm_now(void)
{
	return now;
}

uint32_t swarm_counter(const char *name)
{
	uint32_t i = 0;

	while (names[i] && strcmp(names[i], name) != 0)
		i++;
	names[i] = name;
	return i;
}

void swarm_count(uint32_t counter, int64_t add)
{
	counts[counter] += add;
}

uint32_t swarm_series(const char *type, const char *name)
{
	(void)type;
	(void)name;
	return 0;
}

void swarm_observe(uint32_t series, int64_t ns, size_t bytes)
{
	(void)series;
	(void)bytes;
	observed = ns;
}

/* The shared clock, and its error. */
static int64_t ahead;
static int64_t error = -1;

int64_t swarm_shared_now(int64_t *error_ns)
{
	*error_ns = error;
	return now + ahead;
}

static int64_t counted(const char *name)
{
	return counts[swarm_counter(name)];
}

/* ---- */

static bool receive(struct mqtt_ledger *l, uint32_t sender, uint64_t sequence)
{
	char data[MQTT_STAMP_BYTES];
	struct mqtt_message m = { .data = data, .len = sizeof data, .qos = 1,
		.received = now + 500 };

	mqtt_stamp(data, 1, sender, sequence);
	return mqtt_ledger_note(l, &m);
}

static void test_stamp(void **state)
{
	char data[MQTT_STAMP_BYTES];
	struct mqtt_stamp s;

	(void)state;
	mqtt_stamp(data, 7, 8, UINT64_C(0x0102030405060708));
	assert_true(mqtt_stamp_read(&s, data, sizeof data));
	assert_int_equal(s.run, 7);
	assert_int_equal(s.sender, 8);
	assert_int_equal(s.sequence, UINT64_C(0x0102030405060708));
	assert_int_equal(s.time, now);
	assert_false(mqtt_stamp_read(&s, data, sizeof data - 1));
	data[0] ^= 1;
	assert_false(mqtt_stamp_read(&s, data, sizeof data));
}

static void test_in_order(void **state)
{
	struct mqtt_ledger l = { 0 };

	(void)state;
	for (uint64_t i = 100; i < 1100; i++)
		assert_true(receive(&l, 1, i));
	assert_int_equal(l.received, 1000);
	assert_int_equal(observed, 500);
	mqtt_ledger_close(&l);
	assert_int_equal(l.lost + l.duplicate + l.reordered + l.late, 0);
}

static void test_all_that_goes_wrong(void **state)
{
	struct mqtt_ledger l = { 0 };
	int64_t lost = counted("mqtt_audit_lost");

	(void)state;
	receive(&l, 1, 0);
	receive(&l, 1, 1);
	receive(&l, 1, 1);
	assert_int_equal(l.duplicate, 1);
	receive(&l, 1, 3);
	receive(&l, 1, 2);
	assert_int_equal(l.reordered, 1);
	/* 4 is missing, which is known once 64 others came. */
	for (uint64_t i = 5; i < 68; i++)
		receive(&l, 1, i);
	assert_int_equal(l.lost, 0);
	receive(&l, 1, 68);
	assert_int_equal(l.lost, 1);
	receive(&l, 1, 4);
	assert_int_equal(l.late, 1);
	/* A gap at the end of what came is found when the ledger closes. */
	receive(&l, 1, 71);
	mqtt_ledger_close(&l);
	assert_int_equal(l.lost, 3);
	assert_int_equal(counted("mqtt_audit_lost") - lost, 3);
}

static void test_long_gap(void **state)
{
	struct mqtt_ledger l = { 0 };

	(void)state;
	receive(&l, 1, 0);
	receive(&l, 1, UINT64_C(1) << 60);
	mqtt_ledger_close(&l);
	assert_true(l.lost == (UINT64_C(1) << 60) - 1);
	assert_int_equal(l.received, 2);
}

static void test_many_senders(void **state)
{
	struct mqtt_ledger l = { .limit = 1000 };

	(void)state;
	for (uint64_t i = 0; i < 3; i++) {
		for (uint32_t s = 0; s < 1100; s++)
			receive(&l, s, i);
	}
	assert_int_equal(l.count, 1000);
	assert_int_equal(l.received, 3000);
	assert_int_equal(counted("mqtt_audit_untracked"), 300);
	mqtt_ledger_close(&l);
	assert_int_equal(l.lost, 0);
}

/* Bytes as they come from a machine whose clock is `behind` ours. */
static void from_afar(struct mqtt_ledger *l, uint64_t sequence,
    int64_t behind, int64_t offset, uint32_t bound, int64_t took)
{
	char data[MQTT_STAMP_BYTES];
	struct mqtt_message m = { .data = data, .len = sizeof data, .qos = 2,
		.received = now };

	mqtt_stamp(data, 1, 1, sequence);
	data[7] ^= 2;
	mqtt_audit_put_((unsigned char *)data + 24,
	    (uint64_t)(now - took - behind), 8);
	mqtt_audit_put_((unsigned char *)data + 32, (uint64_t)offset, 8);
	mqtt_audit_put_((unsigned char *)data + 40, bound, 4);
	observed = -1;
	assert_true(mqtt_ledger_note(l, &m));
}

static void test_other_clocks(void **state)
{
	struct mqtt_ledger l = { 0 };

	(void)state;
	/* Nobody knows how the clocks differ. */
	error = -1;
	now += 20000000;
	from_afar(&l, 0, 5000000000, 0, UINT32_MAX, 800000);
	assert_int_equal(observed, -1);
	assert_int_equal(counted("mqtt_audit_clock_unsure"), 1);
	assert_non_null(strstr(said, "not known"));
	/* Both do, well enough: 70 us of 800. */
	error = 19000;
	ahead = 1000;
	now += 20000000;
	for (uint64_t i = 1; i < 50; i++)
		from_afar(&l, i, 5000000000, 5000001000, 49000, 800000);
	assert_int_equal(counted("mqtt_audit_other_host"), 50);
	assert_int_equal(counted("mqtt_audit_clock_unsure"), 1);
	/* The last observed is the bound. */
	assert_int_equal(observed, 69000);
	/* Not well enough any more. */
	error = 60000;
	now += 20000000;
	from_afar(&l, 50, 5000000000, 5000001000, 49000, 800000);
	assert_int_equal(observed, -1);
	assert_int_equal(counted("mqtt_audit_clock_unsure"), 2);
	l.clock_error_percent = 20;
	from_afar(&l, 51, 5000000000, 5000001000, 49000, 800000);
	assert_int_equal(observed, 110000);
	/* What a stranger makes up harms nobody. */
	from_afar(&l, 52, INT64_MIN / 2, INT64_MAX, 1, INT64_MAX / 4);
	from_afar(&l, 53, INT64_MAX / 2, INT64_MIN, 1, 0);
	assert_int_equal(l.received, 54);
	mqtt_ledger_close(&l);
	assert_string_equal(said, "QoS 2: 54 of 54 messages delivered, 100 %");
}

static void test_delivery_ratio(void **state)
{
	struct mqtt_ledger l[2] = { { 0 } };
	int64_t lost = counted("mqtt_audit_lost_qos1");

	(void)state;
	receive(&l[0], 1, 0);
	receive(&l[0], 1, 2);
	receive(&l[1], 1, 7);
	receive(&l[1], 1, 8);
	mqtt_ledger_close(&l[0]);
	said[0] = 0;
	mqtt_ledger_close(&l[1]);
	assert_string_equal(said, "QoS 1: 4 of 5 messages delivered, 80 %");
	assert_int_equal(counted("mqtt_audit_lost_qos1") - lost, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stamp),
		cmocka_unit_test(test_in_order),
		cmocka_unit_test(test_all_that_goes_wrong),
		cmocka_unit_test(test_long_gap),
		cmocka_unit_test(test_many_senders),
		cmocka_unit_test(test_other_clocks),
		cmocka_unit_test(test_delivery_ratio),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
