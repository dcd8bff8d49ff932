/*
 * The figures of each second for the hooks of modules (hooks.h, interval): an
 * output like any other, but for the thread, since hooks are called on the
 * loop and may record metrics there, which criteria then judge.
 */
#include "module/hooks.h"
#include "report/output.h"
#include "report/sink_view.h"

static struct {
	struct delta_source source;
	struct sink_view view;
} figures;

static bool figures_wanted(const struct report *r)
{
	(void)r;
	return hooks_want_intervals();
}

static void figures_tick(const struct report *r)
{
	struct delta *d;

	if (!r->fresh)
		return;
	d = delta_take(&figures.source, r);
	if (figures.view.test != 0 && figures.view.test != d->test)
		sink_view_release(&figures.view);
	sink_view_add(&figures.view, d);
	delta_free(d);
	sink_view_arrays(&figures.view);
	hooks_interval(&figures.view.shown);
	sink_view_clear(&figures.view);
}

static int figures_finish(const struct report *r, const struct result *result)
{
	(void)result;
	if (r->run.started)
		figures_tick(r);
	sink_view_release(&figures.view);
	delta_source_release(&figures.source);
	return 0;
}

const struct output output_figures = {
	.name = "figures",
	.wanted = figures_wanted,
	.tick = figures_tick,
	.finish = figures_finish,
};
