/* What both clients take of an answer at most, and how they call what is more. */
#ifndef HTTP_LIMITS_H
#define HTTP_LIMITS_H

#include <stddef.h>

#define LIMIT_INTERIM  16               /* 1xx answers before one */
#define LIMIT_TRAILERS ((size_t)64 * 1024)

#define LIMIT_INTERIM_TEXT  "too many interim answers"
#define LIMIT_TRAILERS_TEXT "too many trailers"
#define LIMIT_SWITCH_TEXT \
	"101 Switching Protocols, which was not asked for"

#endif
