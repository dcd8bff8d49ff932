/*
 * initdb and postgres as child processes.  The server is the direct child
 * (no pg_ctl), so that its end is seen and it never outlives the test.
 */
#include "cluster.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <libpq-fe.h>

static char bin[256];
static char dir[64];
static char data[128];
static char conninfo[256];
static int port;
static pid_t server;

static void die(const char *what)
{
	perror(what);
	cluster_stop();
	exit(1);
}

static int find_binaries(void)
{
	glob_t found;
	int rc = glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &found);

	if (rc == 0) {
		snprintf(bin, sizeof(bin), "%s",
		    found.gl_pathv[found.gl_pathc - 1]);
		*strrchr(bin, '/') = '\0';
	}
	globfree(&found);
	return rc == 0 ? 0 : -1;
}

/* PostgreSQL refuses to run as root. */
static void drop_root(void)
{
	const struct passwd *pw;

	if (geteuid() != 0)
		return;
	pw = getpwnam("postgres");
	if (pw == NULL)
		pw = getpwnam("nobody");
	if (pw == NULL || setgroups(0, NULL) == -1 ||
	    setgid(pw->pw_gid) == -1 || setuid(pw->pw_uid) == -1)
		_exit(126);
}

static void give_away(const char *path)
{
	const struct passwd *pw = getpwnam("postgres");

	if (geteuid() != 0)
		return;
	if (pw == NULL)
		pw = getpwnam("nobody");
	if (pw == NULL || chown(path, pw->pw_uid, pw->pw_gid) == -1)
		die("chown");
}

static pid_t spawn(const char *program, char *const *argv)
{
	char path[300];
	pid_t pid;

	snprintf(path, sizeof(path), "%s/%s", bin, program);
	pid = fork();
	if (pid != 0)
		return pid;
	drop_root();
	/* Behind the change of user, which would undo it. */
	prctl(PR_SET_PDEATHSIG, SIGQUIT);
	if (chdir(dir) == -1)
		_exit(126);
	int log = open("log", O_WRONLY | O_CREAT | O_APPEND, 0600);

	dup2(log, 1);
	dup2(log, 2);
	setenv("LC_ALL", "C", 1);
	execv(path, argv);
	_exit(127);
}

static int free_port(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(fd, (struct sockaddr *)&in, sizeof(in)) == -1 ||
	    getsockname(fd, (struct sockaddr *)&in, &len) == -1)
		die("free port");
	close(fd);
	return ntohs(in.sin_port);
}

static void await_ready(void)
{
	const struct timespec pause = { .tv_nsec = 20000000 };
	int i;

	for (i = 0; i < 1000; i++) {
		if (PQping(conninfo) == PQPING_OK)
			return;
		if (waitpid(server, NULL, WNOHANG) == server) {
			server = 0;
			break;
		}
		nanosleep(&pause, NULL);
	}
	fprintf(stderr, "the server does not start: see %s/log\n", dir);
	exit(1);
}

void cluster_resume(void)
{
	char number[16];
	char *argv[] = { "postgres", "-D", data, "-k", dir, "-h", "127.0.0.1",
		"-p", number, "-c", "fsync=off", "-c", "max_connections=20",
		"-c", "superuser_reserved_connections=0", "-c",
		"autovacuum=off", "-c", "max_prepared_transactions=0", NULL };

	snprintf(number, sizeof(number), "%d", port);
	server = spawn("postgres", argv);
	if (server == -1)
		die("fork");
	await_ready();
}

void cluster_halt(void)
{
	if (server <= 0)
		return;
	kill(server, SIGINT);
	waitpid(server, NULL, 0);
	server = 0;
}

void cluster_freeze(void)
{
	kill(server, SIGSTOP);
}

void cluster_thaw(void)
{
	kill(server, SIGCONT);
}

int cluster_start(void)
{
	char *argv[] = { "initdb", "-D", data, "-A", "trust", "-U", "postgres",
		"-N", "--no-instructions", NULL };
	int status = 1;
	pid_t pid;

	if (find_binaries() == -1)
		return -1;
	snprintf(dir, sizeof(dir), "/tmp/swarm-pg-XXXXXX");
	if (mkdtemp(dir) == NULL)
		die("mkdtemp");
	give_away(dir);
	chmod(dir, 0755);
	snprintf(data, sizeof(data), "%s/data", dir);
	port = free_port();
	snprintf(conninfo, sizeof(conninfo),
	    "host=%s port=%d user=postgres dbname=postgres", dir, port);
	pid = spawn("initdb", argv);
	if (pid == -1 || waitpid(pid, &status, 0) == -1 || status != 0)
		die("initdb");
	cluster_resume();
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int flag,
    struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

void cluster_stop(void)
{
	cluster_halt();
	if (dir[0] != '\0')
		nftw(dir, remove_one, 32, FTW_DEPTH | FTW_PHYS);
	dir[0] = '\0';
}

const char *cluster_dir(void)
{
	return dir;
}

int cluster_port(void)
{
	return port;
}

const char *cluster_conninfo(void)
{
	return conninfo;
}

static const char *ask(const char *dbname, const char *sql)
{
	static char value[256];
	const char *const keywords[] = { "dbname", "dbname", NULL };
	const char *const values[] = { conninfo, dbname, NULL };
	PGconn *pq = PQconnectdbParams(keywords, values, 1);
	PGresult *r = PQexec(pq, sql);

	if (PQresultStatus(r) == PGRES_TUPLES_OK && PQntuples(r) > 0)
		snprintf(value, sizeof(value), "%s", PQgetvalue(r, 0, 0));
	else
		snprintf(value, sizeof(value), "%s", PQresultErrorMessage(r));
	PQclear(r);
	PQfinish(pq);
	return value;
}

const char *cluster_ask(const char *sql)
{
	return ask("postgres", sql);
}

const char *cluster_watch(const char *sql)
{
	return ask("template1", sql);
}
