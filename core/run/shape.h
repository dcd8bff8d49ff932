/*
 * Load shapes: the built-in ones and those of modules (<swarm/shape.h>).
 *
 *	stages:1m:100,5m:100,30s:0      ramps to each count in that time
 *	steps:users=10,every=30s,max=100
 *	spike:base=10,peak=200,at=60s,for=10s
 *	wave:min=10,max=100,period=5m
 *	double-wave:min=10,max=100,time=10m
 */
#ifndef RUN_SHAPE_H
#define RUN_SHAPE_H

#include <swarm/shape.h>

struct shape;

/* "NAME" or "NAME:ARGUMENTS"; `find` looks a module's shape up by name (NULL:
 * none).  NULL after log_error() with a suggestion.  A module's shape has one
 * state: two of them in one run are not told apart. */
struct shape *shape_new(const char *text,
    const struct swarm_shape *(*find)(const char *name));
/* A module's shape without arguments. */
struct shape *shape_of(const struct swarm_shape *);
void shape_free(struct shape *);
/* Whether it is a module's. */
const struct swarm_shape *shape_module(const struct shape *);
/* A run begins; 0, or -1 after an error was said. */
int shape_start(struct shape *);
/* False: the shape is over. */
bool shape_tick(struct shape *, double seconds, struct swarm_load *load);

#endif
