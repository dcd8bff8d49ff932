/* Everything a scenario needs besides the header of its protocol. */
#ifndef SWARM_SWARM_H
#define SWARM_SWARM_H

#include <swarm/data.h>
#include <swarm/fiber.h>
#include <swarm/log.h>
#include <swarm/measure.h>
#include <swarm/module.h>
#include <swarm/stats.h>
#include <swarm/user.h>

#endif
