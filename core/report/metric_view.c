/* How a scenario's own metrics are shown: see the header. */
#include "report/metric_view.h"

#include <stdlib.h>
#include <string.h>

#include "report/property.h"
#include "report/text.h"

static const struct {
	const char *name;
	double q;
} quantiles[] = {
	{ "p50", 0.5 }, { "p90", 0.9 }, { "p95", 0.95 }, { "p99", 0.99 },
};

#define QUANTILES (sizeof(quantiles) / sizeof(*quantiles))

static int distribution_text(struct buf *out, const struct result_metric *m)
{
	int rc = buf_printf(out, "mean %.4g", m->mean);

	for (size_t i = 0; i < QUANTILES; i++)
		rc |= buf_printf(out, ", %s %.4g", quantiles[i].name,
		    metric_quantile(&m->values, quantiles[i].q));
	return rc | buf_printf(out, ", max %.6g", m->max);
}

int metric_view_text(struct buf *out, const struct result_metric *m)
{
	int rc = 0;

	switch (m->kind) {
	case METRIC_GAUGE:
		rc = buf_printf(out, "last %.6g, mean %.4g, min %.6g, "
		    "max %.6g", m->last, m->mean, m->min, m->max);
		break;
	case METRIC_RATE:
		rc = text_percent(out, m->mean);
		rc |= buf_puts(out, " of ");
		rc |= text_count(out, m->count);
		break;
	case METRIC_DISTRIBUTION:
		rc = distribution_text(out, m);
		break;
	}
	if (m->unit[0] != '\0')
		rc |= buf_printf(out, " %s", m->unit);
	return rc;
}

void metric_view_json(json_t *o, const struct result_metric *m)
{
	property_set_text(o, "name", m->name);
	property_set_text(o, "kind", metric_kind_name(m->kind));
	property_set_text(o, "unit", m->unit);
	property_set_count(o, "count", m->count);
	property_set_real(o, "mean", m->mean);
	property_set_real(o, "min", m->min);
	property_set_real(o, "max", m->max);
	if (m->kind == METRIC_GAUGE)
		property_set_real(o, "last", m->last);
	for (size_t i = 0; m->kind == METRIC_DISTRIBUTION && i < QUANTILES;
	    i++)
		property_set_real(o, quantiles[i].name,
		    metric_quantile(&m->values, quantiles[i].q));
}

static int csv_row(struct buf *out, const struct metric *m)
{
	int rc = text_csv(out, m->name, false);

	rc |= buf_printf(out, ",%s,", metric_kind_name(m->kind));
	rc |= text_csv(out, m->unit, false);
	rc |= buf_printf(out, ",%llu,", (unsigned long long)m->count);
	if (m->kind == METRIC_GAUGE)
		rc |= buf_printf(out, "%.15g", m->last);
	rc |= buf_printf(out, ",%.15g,%.15g,%.15g", metric_mean(m), m->min,
	    m->max);
	for (size_t i = 0; i < QUANTILES; i++) {
		rc |= buf_putc(out, ',');
		if (m->kind == METRIC_DISTRIBUTION)
			rc |= buf_printf(out, "%.6g", metric_quantile(
			    &m->values, quantiles[i].q));
	}
	return rc | buf_puts(out, "\r\n");
}

int metric_view_csv(struct buf *out, const struct stats *stats)
{
	int rc = buf_puts(out, "Name,Kind,Unit,Count,Last,Mean,Min,Max,50%,"
	    "90%,95%,99%\r\n");

	for (size_t i = 0; i < stats->counter_count; i++) {
		rc |= text_csv(out, stats->counters[i].name, false);
		rc |= buf_printf(out, ",counter,,%lld,,,,,,,,\r\n",
		    (long long)stats->counters[i].value);
	}
	for (size_t i = 0; i < stats->metrics.count; i++) {
		if (stats->metrics.at[i].count > 0)
			rc |= csv_row(out, &stats->metrics.at[i]);
	}
	return rc;
}
