/*
 * The verbs of arc-relay.  Each is one file cmd_*.c and one line in the table of
 * arc_relay.c.
 */
#ifndef PROXY_CMD_H
#define PROXY_CMD_H

struct err;

/*
 * argv[0] is the verb.  Results go to stdout; what was asked for and nothing
 * else.  Returns our exit status, having told why if it is not 0; or -1 with an
 * error for main to tell, whose status becomes ours.
 */
int	 cmd_cache(int argc, char **argv, struct err *e);
int	 cmd_cert(int argc, char **argv, struct err *e);
int	 cmd_config(int argc, char **argv, struct err *e);
int	 cmd_credentials(int argc, char **argv, struct err *e);
int	 cmd_disable(int argc, char **argv, struct err *e);
int	 cmd_doctor(int argc, char **argv, struct err *e);
int	 cmd_enable(int argc, char **argv, struct err *e);
int	 cmd_explain(int argc, char **argv, struct err *e);
int	 cmd_inventory(int argc, char **argv, struct err *e);
int	 cmd_list(int argc, char **argv, struct err *e);
int	 cmd_login(int argc, char **argv, struct err *e);
int	 cmd_logout(int argc, char **argv, struct err *e);
int	 cmd_names(int argc, char **argv, struct err *e);
int	 cmd_prepare(int argc, char **argv, struct err *e);
int	 cmd_register(int argc, char **argv, struct err *e);
int	 cmd_version(int argc, char **argv, struct err *e);
int	 cmd_whoami(int argc, char **argv, struct err *e);

#endif
